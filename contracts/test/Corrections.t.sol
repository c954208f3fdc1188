// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ISettlement} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Demanding} from "./Demands.t.sol";

/// @dev Revision 0 of the window is final; members have neither meters nor agreements.
contract CorrectionsTest is Demanding {
    uint256 private end;

    function setUp() public override {
        super.setUp();
        header = roots();
        end = registry.windowEnd(WINDOW);
        vm.warp(header.asOf);
        post(header);
        vm.warp(block.timestamp + OBJECTION);
        finalise(1, "");
        (header.revision, header.asOf) = (1, uint64(block.timestamp));
    }

    function refusePost(bytes memory reason) private {
        uint64 sequence = settlement.nextSequence();
        vm.expectRevert(reason);
        vm.prank(operator);
        settlement.post(sequence, header);
    }

    function places(uint64 live, uint64 newestFinal) private view {
        eq(settlement.live(WINDOW), live, "live");
        eq(settlement.newestFinal(WINDOW), newestFinal, "newest final");
    }

    function test_correction_becomes_the_newest_final() public {
        places(1, 1);
        post(header);
        places(2, 1);
        refusePost(abi.encodeWithSelector(ISettlement.WindowTaken.selector, WINDOW, 2));
        vm.warp(block.timestamp + OBJECTION);
        finalise(2, "");
        places(2, 2);
        (,,,, uint8 state,,,) = settlement.posting(1);
        eq(state, 3, "the original stays final");
        refusePost(abi.encodeWithSelector(ISettlement.WrongRevision.selector, 1, 2));
        (header.revision, header.asOf) = (2, uint64(block.timestamp));
        post(header);
        places(3, 2);
    }

    function test_a_voided_correction_gives_way_to_the_final() public {
        post(header);
        voidByAuditor(2);
        places(1, 1);
        (,,,, uint8 state,,,) = settlement.posting(1);
        eq(state, 3, "final");
        // posted anew under the same revision
        header.revision = 2;
        refusePost(abi.encodeWithSelector(ISettlement.WrongRevision.selector, 2, 1));
        header.revision = 1;
        post(header);
        places(3, 1);
        // an auditor voids a window once, corrections included
        bytes32 named = digest(3);
        vm.prank(auditor);
        refused(abi.encodeCall(settlement.voidByAuditor, (3, named)), abi.encodeWithSelector(ISettlement.VoidedBefore.selector, WINDOW, 0));
    }

    function test_revision_counts_from_the_newest_final() public {
        header.revision = 0;
        refusePost(abi.encodeWithSelector(ISettlement.WrongRevision.selector, 0, 1));
        header.revision = 2;
        refusePost(abi.encodeWithSelector(ISettlement.WrongRevision.selector, 2, 1));
    }

    function test_cut_off_after_the_former_and_not_in_the_future() public {
        uint64 former = uint64(end + CLOSE_DELAY);
        for (uint64 i = 0; i < 2; i++) {
            header.asOf = i == 0 ? former : uint64(block.timestamp + 1);
            refusePost(abi.encodeWithSelector(ISettlement.WrongCutOff.selector, header.asOf, former + 1, block.timestamp));
        }
        header.asOf = former + 1;
        post(header);
    }

    function test_corrections_end_a_year_after_the_window() public {
        vm.warp(end + 365 days + 1);
        refusePost(abi.encodeWithSelector(ISettlement.CorrectionTooLate.selector, WINDOW, end + 365 days));
        vm.warp(end + 365 days);
        post(header);
        places(2, 1);
    }

    /// @dev Revision 0 has no such end: a window that was never settled still can be.
    function test_a_first_posting_has_no_time_limit() public {
        vm.warp(end + 400 days);
        uint32 other = WINDOW + 1;
        (header.window, header.revision) = (other, 0);
        header.asOf = uint64(registry.windowEnd(other) + CLOSE_DELAY);
        eq(settlement.live(other), 0, "none");
        post(header);
        eq(settlement.live(other), 2, "posted");
    }

    function test_each_revision_has_demands_of_its_own() public {
        post(header);
        demand(2, 2, false);
        (uint64 sequence,,, uint8 state) = settlement.demandOf(WINDOW, 1, 2);
        yes(sequence == 2 && state == 1, "demand of the correction");
        recorded(2, 0, 0, 0);
        vm.warp(block.timestamp + OBJECTION);
        finalise(2, abi.encodeWithSelector(ISettlement.DemandsOpen.selector, 2, 1));
        settlement.voidOverdue(2, digest(2), 2);
        places(1, 1);
    }

    /// @dev I10: what is final stays so, whatever becomes of its correction.
    function test_a_corrected_final_cannot_be_voided() public {
        bytes32 first = digestOf(1, roots());
        post(header);
        vm.prank(secondAuditor);
        refused(abi.encodeCall(settlement.voidByAuditor, (1, first)), abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 3));
        places(2, 1);
    }
}
