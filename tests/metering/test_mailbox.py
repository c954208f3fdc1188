"""The mailbox: whole files, never changed, and clear words for what cannot be read."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from lindenstrom import mailbox
from lindenstrom.mailbox import DeliveryConflict, MailboxFileUnreadable, PackDelivery

DELIVERY = PackDelivery(
    reader=4,
    window=20_750,
    revision=0,
    root=bytes(range(32)),
    signature=b"\x01" * 65,
    packs={7: b"\x10\x02", 0: b"\x10"},
)


def test_packs_come_back_as_delivered_and_twice_is_once(tmp_path: Path) -> None:
    path = mailbox.deliver_packs(tmp_path, DELIVERY)
    before = path.stat().st_mtime_ns
    assert mailbox.deliver_packs(tmp_path, DELIVERY) == path == tmp_path / "packs/20750/4-r0.json"
    assert path.stat().st_mtime_ns == before
    assert mailbox.collect_packs(tmp_path, 20_750) == (DELIVERY,)
    assert mailbox.collect_pack_file(tmp_path, 20_750, 4, 0) == DELIVERY
    assert mailbox.collect_pack_file(tmp_path, 20_750, 4, 1) is None
    assert [p.name for p in path.parent.iterdir()] == [path.name]


def test_layout_is_stable(tmp_path: Path) -> None:
    text = mailbox.deliver_packs(tmp_path, DELIVERY).read_text()
    assert text == (
        '{"packs":[{"pack":"0x10","position":0},{"pack":"0x1002","position":7}],"reader":4,"revision":0,'
        f'"root":"0x{bytes(range(32)).hex()}","signature":"0x{"01" * 65}","window":20750}}\n'
    )


def test_readers_and_revisions_in_order(tmp_path: Path) -> None:
    for reader, revision in ((10, 0), (4, 1), (4, 0)):
        mailbox.deliver_packs(tmp_path, replace(DELIVERY, reader=reader, revision=revision))
    found = mailbox.collect_packs(tmp_path, 20_750)
    assert [(d.reader, d.revision) for d in found] == [(4, 0), (4, 1), (10, 0)]
    assert mailbox.collect_packs(tmp_path, 1) == ()


def test_other_content_under_the_same_name_is_refused(tmp_path: Path) -> None:
    path = mailbox.deliver_packs(tmp_path, DELIVERY)
    before = path.read_bytes()
    with pytest.raises(DeliveryConflict, match=r"4-r0\.json: already delivered with other content"):
        mailbox.deliver_packs(tmp_path, replace(DELIVERY, root=bytes(32)))
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "change",
    [
        {"root": "0x12"},
        {"root": 5},
        {"reader": 5},
        {"window": "20750"},
        {"revision": True},
        {"packs": {}},
        {"packs": [{"position": 1}]},
        {"packs": [{"position": 1, "pack": "0x1"}]},
        {"packs": [{"position": -1, "pack": "0x"}]},
        {"packs": [{"position": 1, "pack": "0x"}] * 2},
        {"more": "MALICE"},
    ],
)
def test_malformed_file_is_named_not_shown(tmp_path: Path, change: dict[str, object]) -> None:
    path = mailbox.deliver_packs(tmp_path, DELIVERY)
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, **change}))
    with pytest.raises(MailboxFileUnreadable) as caught:
        mailbox.collect_packs(tmp_path, 20_750)
    assert str(path) in str(caught.value)
    assert "MALICE" not in str(caught.value)


@pytest.mark.parametrize("data", [b"", b'{"packs":[', b"\xff\xfe", b"[]", b"[" * 100_000])
def test_what_is_no_object_is_named(tmp_path: Path, data: bytes) -> None:
    path = mailbox.deliver_packs(tmp_path, DELIVERY)
    path.write_bytes(data)
    with pytest.raises(MailboxFileUnreadable, match=r"4-r0\.json: not "):
        mailbox.collect_packs(tmp_path, 20_750)


def test_strange_names_are_no_part_of_it(tmp_path: Path) -> None:
    folder = mailbox.deliver_packs(tmp_path, DELIVERY).parent
    for name in (".4-r9.json.1.part", "04-r0.json", "4-r0.json.bak", "notes.txt", "4-s0.json"):
        (folder / name).write_text("x")
    assert mailbox.collect_packs(tmp_path, 20_750) == (DELIVERY,)


def test_bundles_and_audit_files(tmp_path: Path) -> None:
    for window, sequence in ((101, 12), (99, 3), (101, 7)):
        mailbox.deliver_bundle(tmp_path, 5, window, sequence, {"net": "-1", "a": [1, 2]})
        mailbox.deliver_audit(tmp_path, window, sequence, '{"x":1}\n')
    bundles = mailbox.list_bundles(tmp_path, 5)
    assert [(b.window, b.sequence) for b in bundles] == [(99, 3), (101, 7), (101, 12)]
    assert bundles[0].path == tmp_path / "bundles/5/99-s3.json"
    assert bundles[0].path.read_text() == '{"a":[1,2],"net":"-1"}\n'
    assert [a.path.name for a in mailbox.list_audit(tmp_path)] == ["99-s3.json", "101-s7.json", "101-s12.json"]
    assert mailbox.list_bundles(tmp_path, 6) == ()
    with pytest.raises(DeliveryConflict):
        mailbox.deliver_bundle(tmp_path, 5, 99, 3, {"net": "-2"})


def test_acts(tmp_path: Path) -> None:
    path = mailbox.deliver_act(tmp_path, "join", b"\xab" * 32, {"role": 1})
    assert mailbox.list_acts(tmp_path, "join") == (path,)
    assert mailbox.read_object(path) == {"role": 1}
    for kind, act_id in (("../x", bytes(32)), ("join", b"short")):
        with pytest.raises(mailbox.ActNameError):
            mailbox.deliver_act(tmp_path, kind, act_id, {})


def test_without_hard_links_it_still_appears_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(1, "no links here")

    monkeypatch.setattr(mailbox.os, "link", refuse)
    mailbox.deliver_packs(tmp_path, DELIVERY)
    assert mailbox.collect_packs(tmp_path, 20_750) == (DELIVERY,)
