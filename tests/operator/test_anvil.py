"""The same day on a local node by URL: crash between signing and sending, settlement, audit, finality."""

from pathlib import Path

import pytest

from lindenstrom.audit import acts
from lindenstrom.audit.run import audit_run
from lindenstrom.chain import anvil
from lindenstrom.chain.errors import AnvilMissing
from lindenstrom.core.verification import PostingState
from lindenstrom.operator.day import settle_day
from lindenstrom.operator.finalise import finalise_due
from lindenstrom.operator.office import Step
from tests.operator.test_crashes import Cut, cut_at
from tests.operator.world import AUDITOR_KEY, FIRST_DAY, START, found, reopened

pytestmark = pytest.mark.anvil


def test_a_day_on_anvil(tmp_path: Path) -> None:
    try:
        node = anvil.start(tmp_path / "node", START)
    except AnvilMissing as missing:
        pytest.skip(str(missing))
    try:
        meters = found(tmp_path, node.config, 3)
        with reopened(tmp_path, meters) as world:
            world.read_day(FIRST_DAY)
            with pytest.raises(Cut):
                settle_day(world.office, FIRST_DAY, progress=cut_at(Step.POST))
        with reopened(tmp_path, meters) as world:
            done = settle_day(world.office, FIRST_DAY)
            assert done.resumed and done.gas > 20_000
            mailbox, chain, community = world.office.mailbox, world.chain, world.community
            report = audit_run(mailbox, chain, community)
            assert report.passed and report.days[0].gas_post == done.gas
            acts.attest(mailbox, chain, community, 1, AUDITOR_KEY)
            chain.advance_to(chain.now() + community.constants.objection_period_s + 1)
            assert [f.sequence for f in finalise_due(chain, community, world.office.key).finalised] == [1]
            assert world.office.contracts.posting(1).state is PostingState.FINAL
    finally:
        anvil.stop(tmp_path / "node")
