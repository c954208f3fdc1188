"""Tables of the store, and their version. Numbers of the protocol are BigInteger: u32 does not fit SQL's integer.

Columns named sealed_… hold values under month keys (sealing.py), which lie in another database (keybook.py).
"""

from collections.abc import Mapping

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table

from lindenstrom.core.salts import Purpose

SCHEMA_VERSION = 2

metadata = MetaData()

version = Table(
    "lindenstrom_version",
    metadata,
    Column("version", Integer, primary_key=True),
    Column("community", LargeBinary(32), nullable=False),
    Column("secret", LargeBinary(32), nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("member", BigInteger, primary_key=True, autoincrement=False),
    Column("name", String, nullable=False),
)

meters = Table(
    "meters",
    metadata,
    Column("meter", LargeBinary(32), primary_key=True),
    Column("metering_point", String, nullable=False),
)

agreement_labels = Table(
    "agreement_labels",
    metadata,
    Column("agreement", BigInteger, primary_key=True, autoincrement=False),
    Column("label", String, nullable=False),
)

# Keyed by the commitment: parameters are received before the chain gives the membership its place.
parameters = Table(
    "parameters",
    metadata,
    Column("commitment", LargeBinary(32), primary_key=True),
    Column("member", BigInteger, nullable=False),
    Column("agreement", BigInteger, nullable=False),
    Column("sealed_opening", LargeBinary, nullable=False),  # weight u32 ‖ share u32 ‖ limit u32 ‖ salt; empty: erased
)

packs = Table(
    "packs",
    metadata,
    Column("binding", BigInteger, nullable=False),
    Column("window", BigInteger, quote=True, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("sealed_pack", LargeBinary, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    Column("reader_key", LargeBinary, nullable=False),
    Column("signature", LargeBinary, nullable=False),
    PrimaryKeyConstraint("binding", "window", "revision"),
)

postings = Table(
    "postings",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("window", BigInteger, quote=True, nullable=False, index=True),
    Column("revision", Integer, nullable=False),
    Column("as_of", BigInteger, nullable=False),
    Column("statements_root", LargeBinary(32), nullable=False),
    Column("results_root", LargeBinary(32), nullable=False),
    Column("sources_root", LargeBinary(32), nullable=False),
    Column("digest", LargeBinary(32), nullable=False),
    Column("step", String, nullable=False),
    Column("call", LargeBinary, nullable=False),  # calldata of `post`
    Column("raw_tx", LargeBinary, nullable=False),  # empty until signed
    Column("tx_hash", LargeBinary, nullable=False),
    Column("gas", BigInteger, nullable=False),
)

results = Table(
    "results",
    metadata,
    Column("sequence", BigInteger, nullable=False),
    Column("agreement", BigInteger, nullable=False),
    Column("sealed_triples", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sequence", "agreement"),
)

statements = Table(
    "statements",
    metadata,
    Column("sequence", BigInteger, nullable=False),
    Column("member", BigInteger, nullable=False),
    Column("sealed_lines", LargeBinary, nullable=False),  # empty: erased
    Column("sealed_net", LargeBinary, nullable=False),  # i128
    PrimaryKeyConstraint("sequence", "member"),
)

sources = Table(
    "sources",
    metadata,
    Column("sequence", BigInteger, nullable=False),
    Column("binding", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("replacement", LargeBinary, nullable=False),  # leaf of a replacement's pack, else empty
    Column("sealed_pack", LargeBinary, nullable=False),  # a replacement's pack, else or once erased empty
    Column("ground", String, nullable=False),  # why it was replaced, else empty
    PrimaryKeyConstraint("sequence", "binding"),
)

SUBJECTS: Mapping[Purpose, tuple[Table, str]] = {
    Purpose.PACK: (packs, "binding"),
    Purpose.LEVEL: (results, "agreement"),
    Purpose.LINE: (statements, "member"),
    Purpose.TOTAL: (statements, "member"),
    Purpose.REPLACEMENT: (sources, "binding"),
}
"""Which table's rows a purpose's keys open, and which column says whose key."""
