"""Auditors come and go by commands alone, on the embedded chain."""

import pytest

from cli.cli_home import BUNDLE, DAY, CliHome

pytestmark = pytest.mark.integration


def address(home: CliHome, alias: str) -> str:
    return next(str(k["key"]) for k in home.json("key", "list")["keys"] if k["alias"] == alias)


def another(home: CliHome) -> str:
    """A new key that may become an auditor's."""
    home.ok("key", "new", "second", "--unattended")
    return address(home, "second")


def states(home: CliHome) -> list[str]:
    return [a["state"] for a in home.json("auditor", "list")["auditors"]]


def test_a_later_auditor_attests_after_its_notice(day: CliHome) -> None:
    home = day
    first, second = address(home, "auditor"), another(home)
    shown = home.ok("auditor", "appoint", second, "--yes")
    assert f"Auditor 1, {second}: in office from 2026-07-05 11:00 UTC." in shown
    assert "Consents to meters that were signed before this" in shown and "AuditorsDiffer" in shown
    assert states(home) == ["in_office", "announced"]
    bundle = home.path(BUNDLE)
    (note,) = home.json("verify", bundle, code=4)["auditors"]
    assert (note["kind"], note["address"]) == ("new", second)
    assert f"Auditor {second} is in office from 2026-07-05 11:00 UTC on" in home.run("verify", bundle).stdout
    (home.root / "keys" / "auditor.json").rename(home.root / "auditor.json")
    early = home.run("audit", "attest", "1")
    assert early.exit_code == 6
    assert early.stderr.startswith("error: auditor 1 is in office from 2026-07-05 11:00 UTC")
    leaving = home.ok("auditor", "dismiss", first, "--yes")
    assert f"Auditor 0, {first}: in office until 2026-07-05" in leaving and "nobody is an auditor" not in leaving
    assert states(home) == ["leaving", "announced"]
    home.ok("chain", "advance", "--days", "31")
    assert states(home) == ["ended", "in_office"]
    home.ok("audit", "attest", "--all")
    home.ok("audit", "withheld", "--reader", "0", "--day", DAY)
    home.ok("operator", "finalise")
    plain = home.json("verify", bundle)
    assert plain["verdict"] == "consistent"
    assert [note["kind"] for note in plain["auditors"]] == ["ending", "new"]
    text = home.ok("verify", bundle, "--auditor", second)
    assert "VERIFIED" in text and "attestations: 1, 1 of them by auditors you have pinned" in text
    assert "in office until" not in home.ok("verify", bundle, "--auditor", second)
    strange = home.ok("verify", bundle, "--auditor", "0x" + "11" * 20)
    assert "never was an auditor of this community" in " ".join(strange.split())
    home.ok("audit", "contest", "1", "--although-right", "--yes")
    (posting,) = home.json("audit", "run")["days"]
    assert (posting["attested_by"], posting["contested_by"]) == (0b10, 0b10)


def test_who_has_left_attests_nothing_but_what_it_attested_stays(day: CliHome) -> None:
    home = day
    home.ok("audit", "attest", "1")
    gone = home.json("auditor", "resign", "--yes")
    assert (gone["act"], gone["none_left"]) == ("resigned", True)
    assert home.run("audit", "contest", "1", "--although-right", "--yes").exit_code == 6
    home.ok("chain", "advance", "--days", "15")
    home.ok("operator", "finalise")
    assert home.json("verify", home.path(BUNDLE))["verdict"] == "verified"
    assert "is in office until" in home.ok("verify", home.path(BUNDLE))


def test_when_the_last_one_goes_it_is_said(home: CliHome) -> None:
    home.ok("auditor", "appoint", another(home), "--yes")
    assert "Appoint one now" not in home.ok("auditor", "dismiss", "0", "--yes")
    several = home.run("auditor", "resign", "--yes")
    assert several.exit_code == 2 and "--key ALIAS" in several.stderr
    assert "Appoint one now" in home.ok("auditor", "resign", "--key", "second", "--yes")


def test_a_new_binding_names_the_auditors_of_now(home: CliHome) -> None:
    home.ok("auditor", "appoint", another(home), "--yes")
    home.ok("meter", "bind", "DE-later", "--member", "anna", "--reader", "street")


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("appoint", "0x12"), 2, "address: expected 0x and 40 hex digits"),
        (("appoint", "0x" + "11" * 20, "--no-input"), 2, "an answer is needed"),
        (("dismiss", "7", "--yes"), 2, "the community never had that auditor"),
        (("dismiss", "0x" + "11" * 20, "--yes"), 2, "the community never had that auditor"),
        (("dismiss", "0x11", "--yes"), 2, "auditor: expected 0x and 40 hex digits"),
        (("resign", "--key", "street", "--yes"), 2, "the community never had that auditor"),
        (("resign", "--key", "nobody", "--yes"), 7, "no key named nobody"),
    ],
)
def test_bad_input_is_one_line(founded: CliHome, args: tuple[str, ...], code: int, says: str) -> None:
    refused = founded.run("auditor", *args)
    assert refused.exit_code == code, refused.stderr
    assert refused.stderr.startswith(f"error: {says}")
    assert refused.stderr.count("\n") <= 2 and refused.stdout == ""


def test_the_contracts_rules_are_told(home: CliHome) -> None:
    for key in ("operator", "street", "auditor"):
        refused = home.run("auditor", "appoint", address(home, key), "--yes")
        assert refused.exit_code == 6
        assert "hint: an auditor is never operator or reader" in refused.stderr
    home.ok("auditor", "dismiss", "0", "--yes")
    again = home.run("auditor", "dismiss", "0", "--yes")
    assert again.exit_code == 6 and "AlreadyEnding" in again.stderr
