"""Tables of the store, and their version. Numbers of the protocol are BigInteger: u32 does not fit SQL's integer."""

from sqlalchemy import BigInteger, Column, Integer, LargeBinary, MetaData, PrimaryKeyConstraint, String, Table

SCHEMA_VERSION = 1

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

month_keys = Table(
    "month_keys",
    metadata,
    Column("purpose", String, nullable=False),
    Column("subject", BigInteger, nullable=False),
    Column("month", Integer, nullable=False),
    Column("key", LargeBinary(32), nullable=False),
    PrimaryKeyConstraint("purpose", "subject", "month"),
)

# Keyed by the commitment: parameters are received before the chain gives the membership its place.
parameters = Table(
    "parameters",
    metadata,
    Column("commitment", LargeBinary(32), primary_key=True),
    Column("member", BigInteger, nullable=False),
    Column("agreement", BigInteger, nullable=False),
    Column("weight", BigInteger, nullable=False),
    Column("share_ppm", BigInteger, nullable=False),
    Column("limit_ueur_kwh", BigInteger, nullable=False),
    Column("salt", LargeBinary(32), nullable=False),
)

packs = Table(
    "packs",
    metadata,
    Column("binding", BigInteger, nullable=False),
    Column("window", BigInteger, quote=True, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("pack", LargeBinary, nullable=False),
    Column("proof", LargeBinary, nullable=False),
    Column("account", LargeBinary(20), nullable=False),
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
    Column("triples", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sequence", "agreement"),
)

statements = Table(
    "statements",
    metadata,
    Column("sequence", BigInteger, nullable=False),
    Column("member", BigInteger, nullable=False),
    Column("lines", LargeBinary, nullable=False),
    Column("net_peur", String, nullable=False),  # i128
    PrimaryKeyConstraint("sequence", "member"),
)

sources = Table(
    "sources",
    metadata,
    Column("sequence", BigInteger, nullable=False),
    Column("binding", BigInteger, nullable=False),
    Column("kind", Integer, nullable=False),
    Column("revision", Integer, nullable=False),
    Column("replacement", LargeBinary, nullable=False),  # pack of a replacement, else empty
    Column("ground", String, nullable=False),  # why it was replaced, else empty
    PrimaryKeyConstraint("sequence", "binding"),
)
