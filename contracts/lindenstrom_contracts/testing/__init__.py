"""A kit to test contracts with: a chain in memory, a deployed community, its people, a settled day.

The pytest fixtures are in `plugin`, which pytest finds by its entry point; what they give can be used without pytest.
This is the one part of the package that stands above the ledger's core and chain: it plays the operator's day with
them. The rest of `lindenstrom_contracts` never imports it.
"""

from lindenstrom_contracts.testing.chain import LocalChain
from lindenstrom_contracts.testing.community import Cast, Community, Person, deploy
from lindenstrom_contracts.testing.day import PlayedDay, Stage, play_day
from lindenstrom_contracts.testing.expect import refused

__all__ = ["Cast", "Community", "LocalChain", "Person", "PlayedDay", "Stage", "deploy", "play_day", "refused"]
