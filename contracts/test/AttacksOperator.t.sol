// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Header, ISettlement, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {NotSignedBy} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {Attacking} from "./Attacks.sol";

/// @dev An operator who cheats; see docs/attacks.md.
contract OperatorAttacksTest is Attacking {
    uint256 private constant LINE = 36;

    function setUp() public override {
        super.setUp();
        settle(2, 2);
    }

    function test_header_fields_are_bound() public {
        (Header memory h,) = honest();
        uint32 first = registry.firstWindow();
        h.window = first - 1;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WindowBeforeBeginning.selector, first - 1, first));
        h.window = WINDOW + 1;
        uint256 cutOff = registry.windowEnd(WINDOW + 1) + CLOSE_DELAY;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WrongCutOff.selector, h.asOf, cutOff, cutOff));
        h.asOf = uint64(cutOff);
        refusePost(1, h, abi.encodeWithSelector(ISettlement.TooEarly.selector, cutOff));
        (h,) = honest();
        h.revision = 1;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WrongRevision.selector, 1, 0));
        (h,) = honest();
        for (uint256 i = 0; i < 2; i++) {
            h.asOf = uint64(postingTime - 1 + 2 * i);
            refusePost(1, h, abi.encodeWithSelector(ISettlement.WrongCutOff.selector, h.asOf, postingTime, postingTime));
        }
        for (uint256 i = 0; i < 3; i++) {
            (h,) = honest();
            if (i == 0) h.statementsRoot = 0;
            if (i == 1) h.resultsRoot = 0;
            if (i == 2) h.sourcesRoot = 0;
            refusePost(1, h, abi.encodeWithSelector(ISettlement.ZeroRoot.selector));
        }
    }

    function test_posting_before_the_cut_off() public {
        (Header memory h,) = honest();
        vm.warp(postingTime - 1);
        refusePost(1, h, abi.encodeWithSelector(ISettlement.TooEarly.selector, postingTime));
    }

    function test_another_root_under_the_same_sequence_or_for_the_same_window() public {
        (Header memory h,) = honest();
        post(h);
        bytes32 stored = digestOf(1, h);
        h.statementsRoot = "other";
        refusePost(1, h, abi.encodeWithSelector(ISettlement.UnexpectedSequence.selector, 1, 2));
        refusePost(2, h, abi.encodeWithSelector(ISettlement.WindowTaken.selector, WINDOW, 1));
        (,,,,,,, bytes32 digest) = settlement.posting(1);
        eq(digest, stored, "untouched");
    }

    /// @dev A root that nobody can open: no refutation, but the member's demand is overdue.
    function test_false_roots_fall_by_the_demand() public {
        uint8[3] memory which = [1, 7, 3];
        for (uint256 i = 0; i < 3; i++) {
            (Header memory h, Opening memory o) = honest();
            if (i == 0) h.statementsRoot = "false";
            if (i == 1) h.resultsRoot = "false";
            if (i == 2) h.sourcesRoot = "false";
            uint64 sequence = post(h);
            bounces(sequence, h, o, bad(which[i], 0));
            if (i == 2) overdue(sequence, h);
            else auditorVoids(i == 0 ? auditor : secondAuditor, sequence, h);
        }
    }

    function overdue(uint64 sequence, Header memory h) private {
        header = h;
        demand(MEMBER, sequence, true);
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        vm.recordLogs();
        settlement.voidOverdue(sequence, digest(sequence), MEMBER);
        voidedFor(sequence, Reasons.DEMAND_OVERDUE);
    }

    function auditorVoids(address who, uint64 sequence, Header memory h) private {
        bytes32 named = digestOf(sequence, h);
        vm.recordLogs();
        vm.prank(who);
        settlement.voidByAuditor(sequence, named);
        voidedFor(sequence, Reasons.NONE);
    }

    /// @dev By the smallest unit, upwards and downwards where there is a down: agreement, taken, given, amount of both lines.
    function test_each_field_of_each_line() public {
        uint256[4] memory lowest = [uint256(3), 11, 19, 35];
        for (uint256 i = 0; i < 8; i++) {
            (, Opening memory o) = honest();
            o.statement.lines[LINE * (i / 4) + lowest[i % 4]] ^= 0x01;
            falls(o, Reasons.LINES_DIFFER);
        }
    }

    function test_lines_omitted_doubled_or_out_of_order() public {
        (, Opening memory o) = honest();
        bytes memory first = part(o.statement.lines, 0);
        bytes memory second = part(o.statement.lines, LINE);
        bytes[4] memory others = [first, bytes.concat(first, second, second), bytes.concat(second, first), bytes("")];
        for (uint256 i = 0; i < 4; i++) {
            o.statement.lines = others[i];
            falls(o, Reasons.LINES_DIFFER);
        }
    }

    function part(bytes memory from, uint256 offset) private pure returns (bytes memory some) {
        some = new bytes(LINE);
        for (uint256 i = 0; i < LINE; i++) {
            some[i] = from[offset + i];
        }
    }

    function test_the_net() public {
        int128[4] memory nets = [net + 1, net - 1, -net, int128(0)];
        for (uint256 i = 0; i < 4; i++) {
            (, Opening memory o) = honest();
            o.statement.net = nets[i];
            falls(o, Reasons.NET_DIFFERS);
        }
    }

    /// @dev Agreement 2 (static) runs first, agreement 1 (proportional) second. A level that is off by what the member feels shows in the lines;
    /// off by less, it is not this member's loss, but the auditor's case.
    function test_each_number_of_a_triple() public {
        for (uint256 k = 0; k < 2; k++) {
            for (uint256 slot = 0; slot < SLOTS; slot += 99) {
                (, Opening memory o) = honest();
                o.agreements[k].triples[20 * slot + 3] ^= 0x01;
                falls(o, Reasons.PRICE_DIFFERS);
                (, o) = honest();
                for (uint256 i = 0; i < 8; i++) {
                    o.agreements[k].triples[20 * slot + 12 + i] = 0xFF;
                }
                falls(o, Reasons.LEVEL_RANGE);
            }
            (, Opening memory all) = honest();
            for (uint256 slot = 0; slot < SLOTS; slot++) {
                clear(all.agreements[k].triples, 20 * slot + 4);
            }
            falls(all, Reasons.LINES_DIFFER);
            (, all) = honest();
            for (uint256 slot = 0; slot < SLOTS; slot++) {
                clear(all.agreements[k].triples, 20 * slot + 12);
            }
            falls(all, Reasons.LINES_DIFFER);
        }
    }

    function clear(bytes memory triples, uint256 offset) private pure {
        for (uint256 i = 0; i < 8; i++) {
            triples[offset + i] = 0;
        }
    }

    function test_an_unfelt_level_is_not_the_members_case() public {
        (, Opening memory o) = honest();
        o.agreements[1].triples[20 * 3 + 4 + 7] ^= 0x01;
        holds(o);
    }

    /// @dev A neighbour's whole statement where the member's should be.
    function test_a_neighbours_statement_at_the_members_place() public {
        (, Opening memory o) = honest();
        (o.statement.index, o.statement.lines, o.statement.net) = (3, "", 0);
        falls(o, Reasons.STATEMENT_FIELD);
    }

    function test_a_statement_of_another_day_community_or_revision() public {
        for (uint256 i = 0; i < 3; i++) {
            (, Opening memory o) = honest();
            if (i == 0) o.statement.window -= 7;
            if (i == 1) o.statement.community = keccak256("elsewhere");
            if (i == 2) o.statement.revision = 1;
            falls(o, Reasons.STATEMENT_FIELD);
        }
    }

    function test_results_of_two_agreements_swapped() public {
        (, Opening memory o) = honest();
        (o.agreements[0].triples, o.agreements[1].triples) = (o.agreements[1].triples, o.agreements[0].triples);
        (o.agreements[0].triplesSalt, o.agreements[1].triplesSalt) = (o.agreements[1].triplesSalt, o.agreements[0].triplesSalt);
        falls(o, Reasons.LINES_DIFFER);
    }

    function test_replacements_of_two_meters_swapped() public {
        Opening memory o = replaced(0);
        Opening memory other = replaced(1);
        o.meters[1] = other.meters[1];
        (o.meters[0].replacement, o.meters[1].replacement) = (o.meters[1].replacement, o.meters[0].replacement);
        (o.meters[0].pack, o.meters[1].pack) = (o.meters[1].pack, o.meters[0].pack);
        falls(o, Reasons.REPLACEMENT_UNFIT);
    }

    function test_a_meter_left_out() public {
        for (uint256 i = 0; i < 2; i++) {
            (, Opening memory o) = honest();
            o.meters[i].kind = 0;
            falls(o, Reasons.SOURCE_MISSING);
        }
    }

    function test_an_agreement_left_out() public {
        for (uint256 k = 0; k < 2; k++) {
            (, Opening memory o) = honest();
            o.agreements[k].empty = true;
            falls(o, Reasons.RESULT_MISSING);
        }
    }

    function test_a_member_left_out() public {
        (, Opening memory o) = honest();
        o.statement.empty = true;
        falls(o, Reasons.LINES_DIFFER);
    }

    /// @dev Each posting needs a refutation of its own, and gets it; none of them lives to be final, and the right one does.
    function test_the_same_lie_posted_again_falls_again() public {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        bytes memory former = wish(1, h);
        falls(h, o, Reasons.NET_DIFFERS);
        uint64 sequence = post(h);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, MEMBER));
        settlement.refute(sequence, MEMBER, h, o, former);
        bytes memory signature = wish(sequence, h);
        vm.recordLogs();
        settlement.refute(sequence, MEMBER, h, o, signature);
        voidedFor(sequence, Reasons.NET_DIFFERS);
        (, o) = honest();
        finaliseAfterObjection(holds(o), commit(o));
    }

    function test_what_was_voided_stays_void() public {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        falls(h, o, Reasons.NET_DIFFERS);
        vm.warp(block.timestamp + OBJECTION);
        bytes32 named = digestOf(1, h);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 2));
        settlement.finalise(1, named);
    }

    function test_an_answer_with_another_statement_or_a_falsified_one() public {
        (Header memory h, Opening memory o) = honest();
        header = h;
        post(h);
        demand(MEMBER, 1, true);
        (o.statement.index, o.statement.lines, o.statement.net) = (3, "", 0);
        refused(abi.encodeCall(settlement.answer, (1, MEMBER, h, o)), bad(1, 0));
        (, o) = honest();
        o.meters[0].pack[300] ^= 0x01;
        refused(abi.encodeCall(settlement.answer, (1, MEMBER, h, o)), bad(4, 0));
        (, o) = honest();
        refused(abi.encodeCall(settlement.answer, (1, 3, h, o)), noDemand(1, 3));
        counted(1, 1, 0);
    }

    /// @dev Corrections one after the other, each as soon as it can be: 25 at most.
    function test_harassing_with_corrections_has_an_end() public {
        (Header memory h,) = honest();
        post(h);
        finaliseAfterObjection(1, h);
        uint64 latest = uint64(registry.windowEnd(WINDOW) + 365 days);
        while (block.timestamp <= latest) {
            (h.revision, h.asOf) = (h.revision + 1, uint64(block.timestamp));
            finaliseAfterObjection(post(h), h);
        }
        eq(h.revision, 25, "corrections");
        (h.revision, h.asOf) = (26, uint64(block.timestamp));
        refusePost(27, h, abi.encodeWithSelector(ISettlement.CorrectionTooLate.selector, WINDOW, latest));
    }

    /// @dev A correction is refuted like any posting, and what was final before stays.
    function test_a_false_correction_falls_and_the_final_stays() public {
        (Header memory h, Opening memory o) = honest();
        post(h);
        finaliseAfterObjection(1, h);
        (, o) = honest();
        (o.statement.revision, o.statement.net) = (1, net + 1);
        h = commit(o);
        (h.revision, h.asOf) = (1, uint64(block.timestamp));
        post(h);
        bytes memory signature = wish(2, h);
        vm.recordLogs();
        settlement.refute(2, MEMBER, h, o, signature);
        (uint8 found,) = abi.decode(vm.getRecordedLogs()[0].data, (uint8, address));
        eq(found, Reasons.NET_DIFFERS, "reason");
        eq(settlement.live(WINDOW), 1, "the final one");
        eq(settlement.newestFinal(WINDOW), 1, "newest final");
    }

    /// @dev The operator has a posting of its own voided, by a member of its own: that uses up nobody's demand.
    function test_a_void_of_the_operators_own_uses_up_no_demand() public {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        header = commit(o);
        post(header);
        demand(3, 1, false);
        bytes memory signature = wish(1, header);
        vm.recordLogs();
        settlement.refute(1, MEMBER, header, o, signature);
        voidedFor(1, Reasons.NET_DIFFERS);
        (header,) = honest();
        post(header);
        demand(3, 2, false);
        vm.warp(block.timestamp + 3 days + 1);
        vm.recordLogs();
        settlement.voidOverdue(2, digestOf(2, header), 3);
        voidedFor(2, Reasons.DEMAND_OVERDUE);
    }

    /// @dev Nothing on the chain makes the operator settle; a day can be posted years later, and is open to objection from then on.
    function test_settling_years_later() public {
        (Header memory h, Opening memory o) = honest();
        vm.warp(postingTime + 1000 days);
        uint64 sequence = post(h);
        bounces(sequence, h, o, nothingWrong(sequence));
        bytes32 named = digestOf(sequence, h);
        uint256 end = block.timestamp + OBJECTION;
        vm.expectRevert(abi.encodeWithSelector(ISettlement.TooEarly.selector, end));
        settlement.finalise(sequence, named);
    }
}
