"""adapter.toml: the documented example is whole and true; what is wrong is named with its table and key."""

from __future__ import annotations

import re
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from lindenstrom.metering.config import AdapterConfig, ConfigError, ConfigMissing, KeyPlace, load_config, parse_config

EXAMPLE = (resources.files("lindenstrom.metering") / "adapter.toml").read_text(encoding="utf-8")
SMALL: dict[str, Any] = {
    "reader": "roof",
    "key": {"alias": "roof"},
    "meter": [{"position": 0, "source": "serial:/dev/ttyUSB0"}],
}


def parsed(**changes: Any) -> AdapterConfig:
    return parse_config(Path("box/adapter.toml"), {**SMALL, **changes})


def refused(**changes: Any) -> str:
    with pytest.raises(ConfigError) as caught:
        parsed(**changes)
    return str(caught.value)


def test_example_is_what_holds_without_its_comments(tmp_path: Path) -> None:
    """Each commented value of a plain table is the default: with and without it the outcome is the same."""
    path = tmp_path / "adapter.toml"
    path.write_text(EXAMPLE)
    plain = load_config(path)
    assert plain.meters[0].place.scheme == "serial"
    defaults = ("community", "folder", "mailbox", "port", "every_minutes", "margin_hours", "commit_seconds")
    for key in (*defaults, "reserve_mib", "wait_minutes", "level"):
        path.write_text(re.sub(rf"^# ({key} = )", r"\1", EXAMPLE, count=1, flags=re.MULTILINE))
        assert path.read_text() != EXAMPLE, key
        assert load_config(path) == plain, key


def test_every_key_is_in_the_example() -> None:
    """Take each comment mark from what looks like TOML: everything is known, and nothing known is missing."""
    shown = set(re.findall(r"^#? ?(\w+) = ", EXAMPLE, re.MULTILINE))
    source = (resources.files("lindenstrom.metering") / "config.py").read_text(encoding="utf-8")
    known = set(re.findall(r'\.(?:text|path|optional_path|number|whole|flag|choice)\(\s*"(\w+)"', source))
    assert shown == known


def test_paths_are_relative_to_the_file() -> None:
    config = parsed(home="community", mailbox="/mnt/mail", key={"file": "roof.json"})
    assert config.community == Path("box/community/community.toml")
    assert config.folder == Path("box/community/metering/roof")
    assert config.mailbox == Path("/mnt/mail")
    assert config.key == KeyPlace(file=Path("box/roof.json"))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"raeder": 1}, "raeder: is unknown; did you mean reader?"),
        ({"healt": {}}, "healt: is unknown; did you mean health?"),
        ({"health": {"prot": 1}}, "[health].prot: is unknown; did you mean port?"),
        ({"health": {"port": 70_000}}, "[health].port: must be a whole number from 0 to 65535"),
        ({"health": {"port": True}}, "[health].port: must be a whole number"),
        ({"health": 3}, "[health]: must be a table"),
        ({"reader": "../x"}, "reader: '../x' is no plain name"),
        ({"reader": ""}, "reader: must be a text"),
        ({"key": {}}, "[key].alias: one of alias, file and credential"),
        ({"key": {"alias": "a", "credential": "b"}}, "[key].alias: one of"),
        ({"key": {"alias": "a", "passwort_file": "b"}}, "did you mean password_file?"),
        ({"key": {"credential": "b", "password_file": "c"}}, "a credential needs no password"),
        ({"key": {"credential": "../../etc/shadow"}}, "no plain name"),
        ({"meter": []}, "nothing to listen to"),
        ({"meter": {"position": 0}}, "[[meter]]: must be written in double brackets"),
        (
            {"meter": [{"posiiton": 0, "source": "serial:/dev/x"}]},
            "[[meter]] 1.position: is missing; did you mean it by",
        ),
        ({"meter": [SMALL["meter"][0], SMALL["meter"][0]]}, "[[meter]] 2.position: position 0 is there already"),
        ({"meter": [{"position": 0, "source": "seriell:/dev/x"}]}, "did you mean serial:…?"),
        ({"meter": [{"position": 0, "source": "/dev/ttyUSB0"}]}, "is no kind of source"),
        ({"meter": [{"position": 0, "source": "serial://dev/x"}]}, "names no path"),
        ({"meter": [{"position": 0, "source": "serial:/dev/x?buad=9600"}]}, "unknown option buad; did you mean baud?"),
        ({"meter": [{"position": 0, "source": "serial:/dev/x?parity=Q"}]}, "option parity cannot be 'Q'"),
        ({"meter": [{"position": 0, "source": "tcp://host"}]}, "names no host and port"),
        ({"meter": [{"position": 0, "source": "tcp://host:99999"}]}, "cannot be read"),
        ({"meter": [{"position": 0, "source": "mqtt://me:secret@host"}]}, "a password does not belong here"),
        ({"log": {"level": "waring"}}, "did you mean warning?"),
        ({"homeassistant": {"host": "h"}}, "[homeassistant].member: is missing"),
        ({"homeassistant": {"host": "h", "tls": 1}}, "[homeassistant].tls: must be true or false"),
    ],
)
def test_what_is_wrong_is_named(changes: dict[str, Any], says: str) -> None:
    message = refused(**changes)
    assert message.startswith("box/adapter.toml: ")
    assert says in message
    assert "secret" not in message.replace("no secret", "")


def test_no_file_and_no_toml(tmp_path: Path) -> None:
    with pytest.raises(ConfigMissing):
        load_config(tmp_path / "absent.toml")
    (tmp_path / "bad.toml").write_text("reader = roof")
    with pytest.raises(ConfigError, match="not TOML"):
        load_config(tmp_path / "bad.toml")
    (tmp_path / "ok.toml").write_text('reader = "roof"\n[key]\nalias = "roof"\n[[inbox]]\nfolder = "in"\n')
    assert load_config(tmp_path / "ok.toml").inboxes[0].folder == tmp_path / "in"
    assert tomllib.loads(EXAMPLE)
