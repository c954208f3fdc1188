"""What commands about a reader's folder share: the folder in use, and instants as people write them."""

import re
import secrets
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lindenstrom_cli.app import Session
from lindenstrom_cli.commands.bindings import known_setup
from lindenstrom_cli.errors import BadInstant
from lindenstrom_cli.world import reader_folder

if TYPE_CHECKING:
    from lindenstrom.metering.adapter import Adapter

_INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)")


def open_adapter(session: Session, alias: str) -> "Adapter":
    """A reader's folder of this home in use. Raises NoSuchReader, FolderError."""
    from lindenstrom.metering.adapter import Adapter

    known_setup(session, alias)
    return Adapter(reader_folder(session, alias), random=secrets.token_bytes)


def milliseconds(instant: str) -> int:
    """Unix milliseconds of an ISO time with seconds and offset. Raises BadInstant."""
    if not _INSTANT.fullmatch(instant):
        raise BadInstant(instant)
    try:
        moment = datetime.fromisoformat(instant)
    except ValueError:
        raise BadInstant(instant) from None
    passed = moment.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (passed.days * 86_400 + passed.seconds) * 1000
