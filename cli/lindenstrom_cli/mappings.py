"""Files that say which MQTT topics hold a meter's registers."""

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING

from lindenstrom_cli.errors import UnreadableFile

if TYPE_CHECKING:
    from lindenstrom.metering.formats.mqttmapping import MeterMapping


def mapping_in(path: Path) -> "MeterMapping":
    """The mapping that a TOML file holds. Raises UnreadableFile, BadMapping."""
    from lindenstrom.metering.formats.mqttmapping import parse_mapping

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        raise UnreadableFile(path, "a mapping in TOML") from None
    return parse_mapping(content)
