"""From adapter.toml and a reader's set-up to the parts that run: sources, ears, shelves."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from lindenstrom.errors import UsageError
from lindenstrom.metering.config import AdapterConfig, ConfigError, MeterPlace
from lindenstrom.metering.formats.mqttmapping import MeterMapping, parse_mapping
from lindenstrom.metering.journal import STREAM_KINDS, Journal, Kind, records_of
from lindenstrom.metering.listening import Ear
from lindenstrom.metering.setup import MeterSetup, ReaderSetup, Source
from lindenstrom.metering.shelf import STREAMS, Shelf
from lindenstrom.metering.sources import FileSource, LiveSource, SerialSource, TcpSource
