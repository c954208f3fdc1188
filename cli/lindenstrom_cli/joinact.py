"""A join on its way from hand to hand: its file, and what each party signs."""

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from lindenstrom.core.bundles import Reader, UnreadableBundle, canonical_json, parse_json
from lindenstrom.core.eip712 import Act, Countersign, Join, Receipt
from lindenstrom.core.terms import Parameters
from lindenstrom_cli.errors import ActUnfit, UnreadableFile
from lindenstrom_cli.render import hexed

SCHEMA = "lindenstrom/join@v1"
PARTIES = ("member", "steward", "operator")


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinAct:
    """A join on its way: the message, its opened parameters, and the signatures so far by party."""

    community: bytes
    join: Join
    parameters: Parameters
    signatures: dict[str, bytes] = field(default_factory=dict)

    def message(self, party: str) -> Act:
        """What a party signs."""
        kind = {"steward": Countersign, "operator": Receipt}.get(party)
        return self.join if kind is None else kind(join=self.join.struct_hash)

    @property
    def missing(self) -> tuple[str, ...]:
        """Parties that have not signed."""
        return tuple(p for p in PARTIES if p not in self.signatures)


def act_json(act: JoinAct) -> str:
    """Canonical JSON of an act."""
    message = {name: _plain(value) for name, value in asdict(act.join).items()}
    parameters = {name: _plain(value) for name, value in asdict(act.parameters).items()}
    signatures = {party: hexed(act.signatures[party]) if party in act.signatures else None for party in PARTIES}
    document = {"schema": SCHEMA, "community": hexed(act.community), "join": message}
    return canonical_json({**document, "parameters": parameters, "signatures": signatures})


def _plain(value: Any) -> Any:
    return hexed(value) if isinstance(value, bytes) else int(value)


def read_act(file: Path) -> JoinAct:
    """A partly signed act. Raises UnreadableFile, ActUnfit."""
    try:
        act = _parsed(parse_json(file.read_bytes(), SCHEMA))
    except UnreadableBundle:
        raise UnreadableFile(file, "an act made by `agreement join`") from None
    if act.join.parameters != act.parameters.commitment:
        raise ActUnfit(file, "its parameters are not the signed ones")
    return act


def _parsed(top: Reader) -> JoinAct:
    message, opened = top["join"], top["parameters"]
    numbers = {name: message[name].number(32) for name in ("member", "agreement", "role", "from_day", "end_day")}
    return JoinAct(
        community=top["community"].data(32),
        join=Join(**numbers, parameters=message["parameters"].data(32)),
        parameters=Parameters(
            weight=opened["weight"].number(32),
            share_ppm=opened["share_ppm"].number(32),
            limit_ueur_kwh=opened["limit_ueur_kwh"].number(32),
            salt=opened["salt"].data(32),
        ),
        signatures=_signatures(top["signatures"]),
    )


def _signatures(given: Reader) -> dict[str, bytes]:
    return {party: given[party].data() for party in PARTIES if not given[party].absent}
