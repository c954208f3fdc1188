"""A day on the embedded chain: settled, repeated, voided, falsified, killed."""

from pathlib import Path

import pytest

from lindenstrom.core.bundles import read_bundle
from lindenstrom.core.verification import Expectation, verify_bundle
from lindenstrom.mailbox import list_bundles
from lindenstrom.operator.day import settle_day
from lindenstrom.operator.office import community_ref
from lindenstrom.signing import recover_address
from tests.operator.world import FIRST_DAY, new_world

pytestmark = pytest.mark.integration


def test_a_day_is_settled_and_every_bundle_verifies(tmp_path: Path) -> None:
    with new_world(tmp_path) as world:
        world.read_day(FIRST_DAY)
        done = settle_day(world.office, FIRST_DAY)
        assert (done.sequence, done.members, done.meters, done.gaps) == (1, 4, 4, ())
        assert world.office.contracts.posting(1).digest == done.digest
        for member in range(2, 6):
            (posted,) = list_bundles(world.office.mailbox, member)
            bundle = read_bundle(posted.path.read_bytes())
            expected = Expectation(community=community_ref(world.community), member=member)
            report = verify_bundle(bundle, expected, recover=recover_address, chain=None)
            assert not [c for c in report.checks if c.status == "failed"]
            assert not bundle.statement.empty
