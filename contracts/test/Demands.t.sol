// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, ISettlement, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {NotSignedBy, SpecialMember} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {BadOpening} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {Day} from "./Day.sol";
import {Vm} from "./Vm.sol";

abstract contract Demanding is Day {
    bytes32 private constant KIND = keccak256("Demand(uint32 member,uint64 sequence,bytes32 posting,bool publicAnswer)");
    uint256 internal constant ANSWER_TIME = 3 days;

    Header internal header;

    function roots() internal view returns (Header memory) {
        return Header(WINDOW, 0, uint64(registry.windowEnd(WINDOW) + CLOSE_DELAY), bytes32("s"), bytes32("r"), bytes32("o"));
    }

    function digest(uint64 sequence) internal view returns (bytes32) {
        return digestOf(sequence, header);
    }

    function wishOf(uint32 member, uint64 sequence, bool openly) internal view returns (bytes memory) {
        return signed(MEMBER_KEY + member, keccak256(abi.encode(KIND, member, sequence, digest(sequence), openly)));
    }

    function demand(uint32 member, uint64 sequence, bool openly) internal {
        settlement.demand(sequence, digest(sequence), member, openly, wishOf(member, sequence, openly));
    }

    function refuseDemand(uint32 member, uint64 sequence, bool openly, bytes memory reason) internal {
        (bytes32 named, bytes memory signature) = (digest(sequence), wishOf(member, sequence, openly));
        vm.expectRevert(reason);
        settlement.demand(sequence, named, member, openly, signature);
    }

    function confirm(uint32 member, uint64 sequence) internal {
        bytes32 named = digest(sequence);
        vm.prank(auditor);
        settlement.confirmDelivery(sequence, named, member);
    }

    function finalise(uint64 sequence, bytes memory reason) internal {
        bytes32 named = digest(sequence);
        if (reason.length != 0) vm.expectRevert(reason);
        settlement.finalise(sequence, named);
    }

    function voidByAuditor(uint64 sequence) internal {
        bytes32 named = digest(sequence);
        vm.prank(auditor);
        settlement.voidByAuditor(sequence, named);
    }

    function refused(bytes memory call, bytes memory reason) internal {
        vm.expectRevert(reason);
        (bool ok,) = address(settlement).call(call);
        yes(ok, "expected revert");
    }

    function noDemand(uint64 sequence, uint32 member) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.NoOpenDemand.selector, sequence, member);
    }

    function counted(uint64 sequence, uint256 open, uint256 lastAnswerAt) internal view {
        (uint32 found, uint64 time) = settlement.demands(sequence);
        eq(found, open, "open");
        eq(time, lastAnswerAt, "last answer");
    }

    function recorded(uint32 member, uint64 sequence, uint256 dueAt, uint8 state) internal view {
        (uint64 named, uint64 due,, uint8 found) = settlement.demandOf(WINDOW, 0, member);
        eq(named, sequence, "sequence");
        eq(due, dueAt, "due");
        eq(found, state, "state");
    }
}

/// @dev Demands of members 2 and 3, who have neither meters nor agreements.
contract DemandsTest is Demanding {
    uint256 private postedAt;

    function setUp() public override {
        super.setUp();
        header = roots();
        vm.warp(header.asOf);
        post(header);
        postedAt = block.timestamp;
    }

    function test_demand_and_confirmation() public {
        vm.warp(postedAt + 1 days);
        vm.recordLogs();
        demand(2, 1, true);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        eq(log.topics[0], keccak256("Demanded(uint64,uint32,uint64,bool)"), "event");
        eq(log.topics[2], bytes32(uint256(2)), "member");
        eq(keccak256(log.data), keccak256(abi.encode(block.timestamp + ANSWER_TIME, true)), "data");
        recorded(2, 1, block.timestamp + ANSWER_TIME, 1);
        counted(1, 1, 0);
        vm.warp(postedAt + 2 days);
        vm.recordLogs();
        confirm(2, 1);
        log = vm.getRecordedLogs()[0];
        eq(log.topics[0], keccak256("Answered(uint64,uint32,address,bool)"), "event");
        eq(keccak256(log.data), keccak256(abi.encode(auditor, false)), "data");
        recorded(2, 1, postedAt + 1 days + ANSWER_TIME, 2);
        counted(1, 0, block.timestamp);
    }

    function test_refusals() public {
        refuseDemand(1, 1, false, abi.encodeWithSelector(SpecialMember.selector, 1));
        bytes memory byOther = wishOf(3, 1, false);
        refused(abi.encodeCall(settlement.demand, (1, digest(1), 2, false, byOther)), abi.encodeWithSelector(NotSignedBy.selector, 2));
        // what was signed for an answer in private does not allow one in public
        bytes memory closed = wishOf(2, 1, false);
        refused(abi.encodeCall(settlement.demand, (1, digest(1), 2, true, closed)), abi.encodeWithSelector(NotSignedBy.selector, 2));
        refused(
            abi.encodeCall(settlement.demand, (1, "x", 2, false, closed)),
            abi.encodeWithSelector(ISettlement.WrongDigest.selector, 1, bytes32("x"), digest(1))
        );
        demand(2, 1, false);
        refused(
            abi.encodeCall(settlement.confirmDelivery, (1, digest(1), 2)),
            abi.encodeWithSelector(IRegistry.NotAuditor.selector, address(this))
        );
        refused(abi.encodeCall(settlement.confirmDelivery, (1, digest(1), 3)), noDemand(1, 3));
        refused(abi.encodeCall(settlement.voidOverdue, (1, digest(1), 3)), noDemand(1, 3));
        Opening memory o;
        refused(abi.encodeCall(settlement.answer, (1, 2, header, o)), abi.encodeWithSelector(ISettlement.NoPublicAnswer.selector, 2));
        refused(abi.encodeCall(settlement.answer, (1, 3, header, o)), noDemand(1, 3));
    }

    function test_only_in_the_objection_period() public {
        uint256 end = postedAt + OBJECTION;
        vm.warp(end - 1);
        demand(2, 1, false);
        vm.warp(end);
        refuseDemand(3, 1, false, abi.encodeWithSelector(ISettlement.ObjectionOver.selector, end));
    }

    function test_once_per_posting() public {
        demand(2, 1, false);
        bytes memory again = abi.encodeWithSelector(ISettlement.DemandedBefore.selector, 2, 1);
        refuseDemand(2, 1, false, again);
        confirm(2, 1);
        refuseDemand(2, 1, true, again);
        demand(3, 1, false);
        voidByAuditor(1);
        post(header);
        // neither the answered nor the open demand is used up by somebody else's void
        demand(2, 2, false);
        demand(3, 2, false);
        counted(2, 2, 0);
        recorded(2, 2, postedAt + ANSWER_TIME, 1);
    }

    /// @dev I9: a member's demands void one posting of a window's revision at most.
    function test_a_lapsed_demand_is_the_members_last() public {
        demand(2, 1, false);
        demand(3, 1, false);
        vm.warp(postedAt + ANSWER_TIME + 1);
        settlement.voidOverdue(1, digest(1), 2);
        (,,, uint8 state) = settlement.demandOf(WINDOW, 0, 2);
        eq(state, 3, "lapsed");
        post(header);
        refuseDemand(2, 2, false, abi.encodeWithSelector(ISettlement.DemandedBefore.selector, 2, 1));
        demand(3, 2, false);
        counted(2, 1, 0);
    }

    function test_open_demands_bar_finality() public {
        demand(2, 1, false);
        demand(3, 1, false);
        vm.warp(postedAt + OBJECTION);
        finalise(1, abi.encodeWithSelector(ISettlement.DemandsOpen.selector, 1, 2));
        confirm(2, 1);
        finalise(1, abi.encodeWithSelector(ISettlement.DemandsOpen.selector, 1, 1));
        // late, but nobody has voided
        vm.warp(postedAt + OBJECTION + 7 days);
        confirm(3, 1);
        finalise(1, abi.encodeWithSelector(ISettlement.TooEarly.selector, block.timestamp + 24 hours));
        vm.warp(block.timestamp + 24 hours - 1);
        finalise(1, abi.encodeWithSelector(ISettlement.TooEarly.selector, block.timestamp + 1));
        vm.warp(block.timestamp + 1);
        finalise(1, "");
    }

    function test_an_early_answer_delays_nothing() public {
        demand(2, 1, false);
        confirm(2, 1);
        vm.warp(postedAt + OBJECTION - 1);
        finalise(1, abi.encodeWithSelector(ISettlement.TooEarly.selector, postedAt + OBJECTION));
        vm.warp(postedAt + OBJECTION);
        finalise(1, "");
        refused(
            abi.encodeCall(settlement.confirmDelivery, (1, digest(1), 2)), abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 3)
        );
        refuseDemand(3, 1, false, abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 3));
    }

    function test_overdue_voids() public {
        demand(2, 1, false);
        uint256 dueAt = postedAt + ANSWER_TIME;
        vm.warp(dueAt);
        refused(abi.encodeCall(settlement.voidOverdue, (1, digest(1), 2)), abi.encodeWithSelector(ISettlement.NotOverdue.selector, dueAt));
        vm.warp(dueAt + 1);
        vm.recordLogs();
        settlement.voidOverdue(1, digest(1), 2);
        (uint8 reason,) = abi.decode(vm.getRecordedLogs()[0].data, (uint8, address));
        eq(reason, Reasons.DEMAND_OVERDUE, "reason");
        eq(settlement.live(WINDOW), 0, "free");
        refused(
            abi.encodeCall(settlement.confirmDelivery, (1, digest(1), 2)), abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 2)
        );
    }

    function test_an_answered_demand_is_never_overdue() public {
        demand(2, 1, false);
        confirm(2, 1);
        vm.warp(postedAt + ANSWER_TIME + 1);
        refused(abi.encodeCall(settlement.voidOverdue, (1, digest(1), 2)), noDemand(1, 2));
    }

    /// @dev The open demand of a voided posting neither bars, nor voids, nor is answered on the next one.
    function test_demands_of_a_voided_posting_do_not_leak() public {
        demand(2, 1, false);
        voidByAuditor(1);
        post(header);
        recorded(2, 1, postedAt + ANSWER_TIME, 1);
        counted(2, 0, 0);
        refused(abi.encodeCall(settlement.confirmDelivery, (2, digest(2), 2)), noDemand(2, 2));
        vm.warp(postedAt + ANSWER_TIME + 1);
        refused(abi.encodeCall(settlement.voidOverdue, (2, digest(2), 2)), noDemand(2, 2));
        vm.warp(postedAt + OBJECTION);
        finalise(2, "");
    }

    /// @dev I9: whatever the two members do and whoever answers when, finality comes a day after the last answer at the latest.
    function testFuzz_no_stall(uint32 firstAt, uint32 secondAt, uint32 answeredAfter) public {
        (uint256 a, uint256 b) = (firstAt % OBJECTION, secondAt % OBJECTION);
        if (a > b) (a, b) = (b, a);
        vm.warp(postedAt + a);
        demand(2, 1, false);
        vm.warp(postedAt + b);
        demand(3, 1, false);
        vm.warp(postedAt + b + answeredAfter % ANSWER_TIME);
        confirm(2, 1);
        confirm(3, 1);
        uint256 earliest = block.timestamp + 24 hours;
        if (earliest < postedAt + OBJECTION) earliest = postedAt + OBJECTION;
        vm.warp(earliest - 1);
        finalise(1, abi.encodeWithSelector(ISettlement.TooEarly.selector, earliest));
        vm.warp(earliest);
        finalise(1, "");
        yes(earliest <= postedAt + OBJECTION + ANSWER_TIME + 24 hours, "bound");
    }
}

/// @dev A day with readings, opened in public.
contract PublicAnswerTest is Demanding {
    function setUp() public override {
        super.setUp();
        settle(2, 2);
    }

    function asked(Opening memory o) private returns (uint64 sequence) {
        header = commit(o);
        sequence = post(header);
        demand(MEMBER, sequence, true);
    }

    function test_an_honest_day_answers() public {
        (, Opening memory o) = honest();
        uint64 sequence = asked(o);
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        vm.recordLogs();
        settlement.answer(sequence, MEMBER, header, o);
        Vm.Log memory log = vm.getRecordedLogs()[0];
        eq(log.topics[0], keccak256("Answered(uint64,uint32,address,bool)"), "event");
        eq(keccak256(log.data), keccak256(abi.encode(address(this), true)), "data");
        counted(sequence, 0, block.timestamp);
        eq(settlement.live(WINDOW), sequence, "stands");
        refused(abi.encodeCall(settlement.answer, (sequence, MEMBER, header, o)), noDemand(sequence, MEMBER));
    }

    function test_a_wrong_day_falls_by_its_own_answer() public {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        uint64 sequence = asked(o);
        vm.recordLogs();
        settlement.answer(sequence, MEMBER, header, o);
        (uint8 reason,) = abi.decode(vm.getRecordedLogs()[0].data, (uint8, address));
        eq(reason, Reasons.NET_DIFFERS, "reason");
        eq(settlement.live(WINDOW), 0, "void");
        counted(sequence, 1, 0);
    }

    function test_a_wrong_opening_neither_answers_nor_voids() public {
        (, Opening memory o) = honest();
        uint64 sequence = asked(o);
        o.statement.net += 1;
        refused(abi.encodeCall(settlement.answer, (sequence, MEMBER, header, o)), abi.encodeWithSelector(BadOpening.selector, 1, 0));
        counted(sequence, 1, 0);
    }

    function test_public_only_where_all_agreements_are() public {
        // a day on which a private agreement holds too
        vm.warp(TODAY * 1 days + 5 hours);
        Terms memory t = someTerms(0, 0);
        t.publicDisputes = false;
        uint32 id = offer(t);
        join(Join(MEMBER, id, 1, EARLIEST, OPEN, parametersOf(7)));
        vm.warp(postingTime);
        header = roots();
        uint64 sequence = post(header);
        refuseDemand(MEMBER, sequence, true, abi.encodeWithSelector(ISettlement.NotPublic.selector, id));
        demand(MEMBER, sequence, false);
    }
}
