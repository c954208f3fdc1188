"""A second `verify`, written from docs/formats.md (section 19) and docs/protocol.md (section 9) alone.

Imports nothing of the packages: JSON as parsed, keccak, two curves. It answers with the failed checks and the verdict.
It takes the files to be of the right types, as nothing here has to survive damaged ones.
"""

from calendar import monthrange
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import partial
from typing import Any

from coincurve import PublicKey
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from eth_hash.auto import keccak

from tests.reference import r3

EMPTY = bytes(32)
REPLACED = 0xFFFF
HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0  # secp256k1
Json = dict[str, Any]


class Mismatch(Exception):
    """Something opened does not lead to its commitment."""


def raw(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def u(value: int, size: int) -> bytes:
    return value.to_bytes(size, "big")


def summer(day: int) -> bool:
    year = (date(1970, 1, 1) + timedelta(days=day)).year

    def last_sunday(month: int) -> int:
        last = date(year, month, monthrange(year, month)[1])
        return (last - timedelta(days=(last.weekday() + 1) % 7) - date(1970, 1, 1)).days

    return last_sunday(3) < day <= last_sunday(10)


def slots_of(window: int, offset_hours: int) -> int:
    first = [96 * w - 4 * offset_hours - (4 if summer(w) else 0) for w in (window, window + 1)]
    return first[1] - first[0]


def fold(leaf: bytes, position: int, proof: list[str]) -> bytes:
    for height, sibling in enumerate(map(raw, proof)):
        right = position >> height & 1
        leaf = keccak(b"\x01" + (sibling + leaf if right else leaf + sibling))
    return leaf


def proven(root: bytes, leaf: bytes, position: int, proof: list[str], depth: int) -> None:
    if len(proof) != depth or position >> depth or fold(leaf, position, proof) != root:
        raise Mismatch


def on_p256(key: bytes, digest: bytes, signature: bytes) -> bool:
    """Whether x‖y signed the digest as r‖s; raises for what is no key or no signature."""
    x, y, r, s = (int.from_bytes(part, "big") for part in (key[:32], key[32:], signature[:32], signature[32:]))
    public = ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()
    public.verify(utils.encode_dss_signature(r, s), digest, ec.ECDSA(utils.Prehashed(hashes.SHA256())))
    return len(signature) == 64


@dataclass
class PackOf:
    """A pack that passed the format check: values per slot, (import, export)."""

    values: list[tuple[int, int]]


def checked_pack(data: bytes, expected: bytes, revision: int, slots: int) -> PackOf | None:
    """The pack, or None if the format check finds a fault (section 6). expected: community, meter and window."""
    head = b"\x10" + expected + u(revision, 2)
    if len(data) != 168 + 9 * slots or data[: len(head)] != head:
        return None
    statuses, at_break = data[168 : 168 + slots], data[103]
    if max(statuses) > 3 or (at_break != 255 and at_break >= slots):
        return None
    numbers = [int.from_bytes(data[i : i + 4], "big") for i in range(168 + slots, len(data), 4)]
    values = list(zip(numbers[::2], numbers[1::2], strict=True))
    for side in (0, 1):
        start, end, old, new = (int.from_bytes(data[i : i + 8], "big") for i in range(104 + 8 * side, 168, 16))
        total = sum(v[side] for v in values)
        whole = old == new == 0 and start + total == end
        broken = old >= start and end >= new and total == (old - start) + (end - new)
        if not (whole if at_break == 255 else broken):
            return None
    return PackOf(values)


@dataclass
class Verdict:
    """Failed checks, checks that could not be made, and the word."""

    failed: set[int] = field(default_factory=set)
    outcome: str = ""


class Verifier:
    """One bundle against a community, the chain's facts, and what the member holds."""

    def __init__(self, bundle: Json, community: Json, chain: Json, entry: Json) -> None:
        self.bundle, self.community, self.chain, self.entry = bundle, community, chain, entry
        self.header, self.depth = bundle["header"], community["depth"]
        self.slots = slots_of(self.header["window"], community["offset_hours"])
        self.failed: set[int] = set()
        # what counts is what the chain holds; the file's copies are compared with it in check 7
        self.bindings = [b for b in chain["bindings"] if b["member"] == bundle["member"]]
        self.memberships = chain["memberships"]
        stored = {b["id"]: b for b in self.bindings}
        self.told = [m | {"binding": stored.get(m["binding"]["id"], m["binding"])} for m in bundle["meters"]]

    def meters(self) -> list[tuple[Json, Json]]:
        """The chain's bindings, each with the file's opening."""
        if len(self.bindings) != len(self.bundle["meters"]):
            raise Mismatch
        return list(zip(self.bindings, self.bundle["meters"], strict=True))

    def agreements(self) -> list[tuple[Json, Json]]:
        """The chain's memberships, each with the file's opening."""
        if len(self.memberships) != len(self.bundle["agreements"]):
            raise Mismatch
        return list(zip(self.memberships, self.bundle["agreements"], strict=True))

    def pack(self, binding: Json, data: str, revision: int) -> PackOf | None:
        expected = raw(self.chain["community"]) + raw(binding["meter"]) + u(self.header["window"], 4)
        return checked_pack(raw(data), expected, revision, self.slots)

    def verdict(self) -> Verdict:
        for check in (self.identity, self.signatures, self.sources, self.bill, self.posting, self.copies):
            check()
        state = self.chain["posting"]["state"]
        pinned = set(self.entry["pinned_auditors"]) & set(self.chain["posting"]["attested_by"])
        passed = "NOT FINAL YET" if state == 1 else "VERIFIED" if pinned else "CONSISTENT"
        return Verdict(self.failed, "NOT VERIFIED" if self.failed else passed)

    # 1

    def identity(self) -> None:
        theirs, ours = self.bundle["community"], self.community
        if any(theirs[k] != ours[k] for k in ours if k != "name") or self.bundle["member"] != self.entry["member"]:
            self.failed.add(1)

    # 2

    def signatures(self) -> None:
        own = self.entry.get("own_packs", {})
        for meter in self.told:
            if meter["challenge"] or meter["empty_position"]:
                self.failed.add(2)
            if meter["source"]["kind"] != 1 or meter["record"] is None:
                continue
            b = meter["binding"]
            if own.get(b["meter"], meter["pack"]) != meter["pack"]:
                self.failed.add(2)
            kind = keccak(b"Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)")
            words = (b["reader"], self.header["window"], meter["source"]["revision"])
            act = keccak(kind + b"".join(u(w, 32) for w in words) + raw(meter["record"]["root"]))
            digest = keccak(b"\x19\x01" + raw(self.community["id"]) + act)
            if not self.signed(meter, digest):
                self.failed.add(2)

    def signed(self, meter: Json, digest: bytes) -> bool:
        key, signature = raw(meter["reader_key"]), raw(meter["signature"])
        try:
            if len(key) == 64:
                return on_p256(key, digest, signature)
            if len(signature) != 65 or int.from_bytes(signature[32:64], "big") > HALF_ORDER:
                return False
            compact = signature[:64] + bytes([signature[64] - 27])
            found = PublicKey.from_signature_and_message(compact, digest, hasher=None).format(compressed=False)
        except Exception:  # noqa: BLE001
            return False
        return keccak(found[1:])[12:] == key

    def record(self, reader: int, revision: int, opened: Json) -> None:
        community, window = raw(self.chain["community"]), self.header["window"]
        leaf = keccak(b"\x14" + community + u(reader, 4) + u(window, 4) + u(revision, 2) + raw(opened["root"]))
        if len(opened["proof"]) > 8 or opened["slot"] >> len(opened["proof"]):
            raise Mismatch
        digest = keccak(b"\x18" + fold(leaf, opened["slot"], opened["proof"]) + u(opened["time"], 8))
        if {"batch": opened["batch"], "digest": "0x" + digest.hex()} not in self.chain["batches"]:
            raise Mismatch

    def reader(self, number: int) -> Json:
        nobody: Json = {"keys": [], "anchored": [], "withheld_at": 0}
        return next((r for r in self.chain["readers"] if r["reader"] == number), nobody)

    def sources(self) -> None:
        as_of = self.header["as_of"]
        for meter in self.told:
            facts, source = self.reader(meter["binding"]["reader"]), meter["source"]
            in_time = [i for i, time in enumerate(facts["anchored"]) if time <= as_of]
            if source["kind"] == 1 and in_time and in_time[-1] > source["revision"]:
                self.failed.add(2)
            if source["kind"] != 2 or source["revision"] != REPLACED:
                continue
            withheld = 0 < facts["withheld_at"] < self.chain["posting"]["posted_at"]
            if meter["ground"]:
                self.ground(meter, in_time)
            elif in_time and not withheld:
                self.failed.add(2)

    def ground(self, meter: Json, in_time: list[int]) -> None:
        ground, b = meter["ground"], meter["binding"]
        revision, record = ground["revision"], ground["record"]
        if not in_time or revision != in_time[-1] or record["time"] > self.header["as_of"]:
            self.failed.add(2)
        if revision < len(self.reader(b["reader"])["anchored"]):
            self.in_batch(b["reader"], revision, record)
        try:
            leaf = EMPTY if ground["empty"] else keccak(raw(ground["pack"]))
            proven(raw(record["root"]), leaf, b["position"], ground["proof"], self.depth)
        except Mismatch:
            self.failed.add(2)
            return
        if not ground["empty"] and self.pack(b, ground["pack"], revision):
            self.failed.add(2)

    def in_batch(self, reader: int, revision: int, opened: Json) -> None:
        try:
            self.record(reader, revision, opened)
        except Mismatch:
            self.failed.add(7)

    # 2 to 5: in the order of the contract, up to the first fault

    def bill(self) -> None:
        steps: list[tuple[int, Callable[[], bool]]] = [(5, self.statement_opens)]
        try:
            for binding, meter in self.meters():
                steps += [
                    (5, partial(self.source_opens, binding, meter)),
                    (2, partial(self.record_given, binding, meter)),
                    (7, partial(self.record_opens, binding, meter)),
                    (2, partial(self.pack_opens, binding, meter)),
                ]
            for stored, agreement in self.agreements():
                steps += [
                    (3, partial(self.parameters_open, agreement, stored)),
                    (5, partial(self.result_opens, agreement, stored)),
                    (3, partial(self.triples_possible, agreement, stored["terms"])),
                ]
        except Mismatch:
            self.failed.add(5)
            return
        for number, holds in (*steps, (4, self.lines_follow), (3, self.no_slot_holds_back_both)):
            try:
                fine = holds()
            except Mismatch:
                fine = False
            if not fine:
                self.failed.add(number)
                return

    def statement_opens(self) -> bool:
        s, h = self.bundle["statement"], self.header
        lines = keccak(b"\x15" + raw(s["lines_salt"]) + raw(s["lines"]))
        if not s["empty"] and lines != raw(s["lines_commitment"]):
            return False
        net = int(s["net_peur"]).to_bytes(16, "big", signed=True)
        named = raw(s["community"]) + u(s["window"], 4) + u(s["revision"], 2) + u(s["index"], 4)
        leaf = keccak(b"\x11" + named + raw(s["lines_commitment"]) + net + raw(s["salt"]))
        proven(raw(h["statements_root"]), EMPTY if s["empty"] else leaf, self.bundle["member"], s["proof"], self.depth)
        wanted = (self.chain["community"], h["window"], h["revision"], self.bundle["member"])
        return bool(s["empty"] or (s["community"], s["window"], s["revision"], s["index"]) == wanted)

    def source_opens(self, binding: Json, meter: Json) -> bool:
        s = meter["source"]
        leaf = keccak(b"\x13" + u(s["kind"], 1) + u(s["revision"], 2) + raw(s["replacement"])) if s["kind"] else EMPTY
        proven(raw(self.header["sources_root"]), leaf, binding["id"], meter["source_proof"], self.depth)
        anchored = s["kind"] == 1 and raw(s["replacement"]) == EMPTY
        return anchored or (s["kind"] == 2 and s["revision"] == REPLACED)

    def record_given(self, b: Json, meter: Json) -> bool:
        s = meter["source"]
        known = len(self.reader(b["reader"])["anchored"]) > s["revision"]
        return bool(s["kind"] == 2 or (known and meter["record"]))

    def record_opens(self, b: Json, meter: Json) -> bool:
        revision = meter["source"]["revision"]
        if meter["source"]["kind"] == 1:
            self.record(b["reader"], revision, meter["record"])
            if meter["next"]:
                self.record(b["reader"], revision + 1, meter["next"])
        return True

    def pack_opens(self, b: Json, meter: Json) -> bool:
        s, pack = meter["source"], raw(meter["pack"])
        if s["kind"] == 2:
            if keccak(pack) != raw(s["replacement"]):
                return False
        else:
            as_of = self.header["as_of"]
            if meter["record"]["time"] > as_of or (meter["next"] and meter["next"]["time"] <= as_of):
                return False
            proven(raw(meter["record"]["root"]), keccak(pack), b["position"], meter["pack_proof"], self.depth)
        return self.pack(b, meter["pack"], s["revision"]) is not None

    def parameters_open(self, a: Json, stored: Json) -> bool:
        values = u(a["weight"], 4) + u(a["share_ppm"], 4) + u(a["limit_ueur_kwh"], 4)
        return keccak(b"\x16" + raw(a["salt"]) + values) == raw(stored["parameters"])

    def result_opens(self, a: Json, stored: Json) -> bool:
        leaf = EMPTY if a["empty"] else keccak(b"\x12" + raw(a["triples_salt"]) + raw(a["triples"]))
        proven(raw(self.header["results_root"]), leaf, stored["agreement"], a["proof"], self.depth)
        return not a["empty"]

    def triples(self, a: Json) -> list[tuple[int, int, int]]:
        data = raw(a["triples"])
        cuts = ((0, 4), (4, 12), (12, 20))
        return [
            tuple(int.from_bytes(data[i + x : i + y], "big") for x, y in cuts)  # type: ignore[misc]
            for i in range(0, len(data), 20)
        ]

    def triples_possible(self, a: Json, terms: Json) -> bool:
        low, high = terms["price_a_ueur_kwh"], terms["price_b_ueur_kwh"]
        if terms["rule"] != r3.AUCTION:
            low = high = low if terms["rule"] == r3.FIXED else (low + high) // 2
        top = 2 ** (32 + self.depth) if terms["key"] == r3.STATIC else r3.M
        return len(self.triples(a)) == self.slots and all(
            low <= p <= high and level <= top and g <= r3.ONE for p, level, g in self.triples(a)
        )

    def no_slot_holds_back_both(self) -> bool:
        return not any(
            stored["terms"]["key"] != r3.STATIC and level != r3.M and g != r3.ONE
            for stored, a in self.agreements()
            for _, level, g in self.triples(a)
        )

    # 4

    def lines_follow(self) -> bool:
        packs = [self.pack(b, m["pack"], m["source"]["revision"]) for b, m in self.meters()]
        sums = {m["agreement"]: [0, 0, 0] for m in self.memberships}
        for slot in range(self.slots):
            metered = [sum(p.values[slot][side] for p in packs if p) for side in (0, 1)]
            rest = list(metered)
            for stored, a in self.agreements():
                price, level, g = self.triples(a)[slot]
                took, gave = self.part(a, stored, metered, rest, (price, level, g))
                rest = [rest[0] - took, rest[1] - gave]
                line = sums[stored["agreement"]]
                fee = stored["terms"]["fee_ueur_kwh"]
                for i, value in enumerate((took, gave, gave * price - took * (price + fee))):
                    line[i] += value
        lines = b"".join(
            u(a, 4) + u(t, 8) + u(g, 8) + x.to_bytes(16, "big", signed=True) for a, (t, g, x) in sums.items()
        )
        s = self.bundle["statement"]
        stated, net = (b"", 0) if s["empty"] else (raw(s["lines"]), int(s["net_peur"]))
        return lines == stated and sum(x for _, _, x in sums.values()) == net

    def part(
        self, a: Json, stored: Json, metered: list[int], rest: list[int], triple: tuple[int, int, int]
    ) -> tuple[int, int]:
        """(taken, given) of one slot."""
        terms, (price, level, g) = stored["terms"], triple
        offers = [min(rest[i], metered[i] * a["share_ppm"] // 10**6, terms["cap_mwh"]) for i in (0, 1)]
        if terms["rule"] == r3.AUCTION:
            limit = min(max(a["limit_ueur_kwh"], terms["price_a_ueur_kwh"]), terms["price_b_ueur_kwh"])
            if limit != price:
                level, g = (r3.M, 0) if limit > price else (0, r3.ONE)
        took = r3.taken(terms["key"], level, offers[0], a["weight"]) if stored["role"] & 1 else 0
        gave = r3.floor_share(offers[1], g) if stored["role"] & 2 else 0
        return took, gave

    # 6

    def posting(self) -> None:
        h, p = self.header, self.chain["posting"]
        numbers = u(self.bundle["sequence"], 8) + u(h["window"], 4) + u(h["revision"], 2) + u(h["as_of"], 8)
        roots = b"".join(raw(h[name]) for name in ("statements_root", "results_root", "sources_root"))
        digest = keccak(b"\x17" + raw(self.community["id"]) + numbers + roots)
        if p["sequence"] != self.bundle["sequence"] or raw(p["digest"]) != digest or p["state"] not in (1, 3):
            self.failed.add(6)

    # 7

    def copies(self) -> None:
        """What was live on that day; ends may have been brought forward since."""

        def without_end(entry: Json) -> Json:
            return {k: v for k, v in entry.items() if k != "end_day"}

        held = [without_end(m["binding"]) for m in self.bundle["meters"]]
        places = [without_end(a["membership"]) | {"terms": a["terms"]} for a in self.bundle["agreements"]]
        same = held == [without_end(b) for b in self.bindings]
        same &= places == [without_end(m) for m in self.memberships]
        known = all(
            m["reader_key"] in self.reader(m["binding"]["reader"])["keys"]
            for m in self.bundle["meters"]
            if m["source"]["kind"] == 1
        )
        if not (same and known):
            self.failed.add(7)
