// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, ISettlement} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {NotOperator} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Community} from "./Community.sol";

contract SettlementTest is Community {
    uint32 private constant WINDOW = EARLIEST;
    uint8 private constant POSTED = 1;
    uint8 private constant VOID = 2;
    uint8 private constant FINAL = 3;

    Header private header;

    function setUp() public override {
        super.setUp();
        header = headerOf(WINDOW);
        vm.warp(header.asOf);
    }

    function headerOf(uint32 window) private view returns (Header memory) {
        return Header(window, 0, uint64(registry.windowEnd(window) + CLOSE_DELAY), bytes32("s"), bytes32("r"), bytes32("o"));
    }

    function digestOf(uint64 sequence, Header memory h) private view returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                bytes1(0x17), registry.community(), sequence, h.window, h.revision, h.asOf, h.statementsRoot, h.resultsRoot, h.sourcesRoot
            )
        );
    }

    function post() private returns (uint64 sequence, bytes32 digest) {
        sequence = settlement.nextSequence();
        vm.prank(operator);
        settlement.post(sequence, header);
        digest = digestOf(sequence, header);
    }

    function refusePost(uint64 sequence, Header memory h, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(operator);
        settlement.post(sequence, h);
    }

    function stateOf(uint64 sequence) private view returns (uint8 state) {
        (,,,, state,,,) = settlement.posting(sequence);
    }

    function test_deployed_code_fits() public view {
        yes(address(registry).code.length < 24_576, "Registry");
        yes(address(agreements).code.length < 24_576, "Agreements");
        yes(address(readingLog).code.length < 24_576, "ReadingLog");
        yes(address(settlement).code.length < 24_576, "Settlement");
    }

    function test_post() public {
        (uint64 sequence, bytes32 digest) = post();
        eq(sequence, 1, "sequence");
        (uint32 window, uint16 revision, uint64 asOf, uint64 postedAt, uint8 state, uint32 attested, uint32 contested, bytes32 stored) =
            settlement.posting(1);
        yes(window == WINDOW && revision == 0 && asOf == header.asOf && postedAt == block.timestamp, "meta");
        yes(state == POSTED && attested == 0 && contested == 0, "state");
        eq(stored, digest, "digest");
        eq(settlement.live(WINDOW), 1, "live");
        eq(settlement.nextSequence(), 2, "next");
    }

    function test_post_refusals() public {
        vm.expectRevert(abi.encodeWithSelector(NotOperator.selector, address(this)));
        settlement.post(1, header);
        refusePost(2, header, abi.encodeWithSelector(ISettlement.UnexpectedSequence.selector, 2, 1));
        Header memory h = headerOf(WINDOW - 1);
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WindowBeforeBeginning.selector, WINDOW - 1, WINDOW));
        h = headerOf(WINDOW);
        h.revision = 1;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WrongRevision.selector, 1, 0));
        h.revision = 0;
        h.asOf += 1;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.WrongCutOff.selector, h.asOf, h.asOf - 1, h.asOf - 1));
        h.asOf -= 1;
        h.sourcesRoot = 0;
        refusePost(1, h, abi.encodeWithSelector(ISettlement.ZeroRoot.selector));
        h = headerOf(WINDOW + 1);
        refusePost(1, h, abi.encodeWithSelector(ISettlement.TooEarly.selector, h.asOf));
        vm.warp(header.asOf - 1);
        refusePost(1, header, abi.encodeWithSelector(ISettlement.TooEarly.selector, header.asOf));
    }

    function test_one_live_posting_per_window() public {
        (, bytes32 digest) = post();
        refusePost(2, header, abi.encodeWithSelector(ISettlement.WindowTaken.selector, WINDOW, 1));
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
        eq(settlement.live(WINDOW), 0, "free");
        (uint64 again, bytes32 other) = post();
        eq(again, 2, "posted anew");
        yes(other != digest, "a digest names its sequence");
        vm.warp(block.timestamp + OBJECTION);
        settlement.finalise(2, other);
        refusePost(3, header, abi.encodeWithSelector(ISettlement.WrongRevision.selector, 0, 1));
    }

    function test_calls_name_the_digest() public {
        (, bytes32 digest) = post();
        bytes memory wrong = abi.encodeWithSelector(ISettlement.WrongDigest.selector, 1, bytes32("x"), digest);
        vm.expectRevert(wrong);
        vm.prank(auditor);
        settlement.attest(1, "x");
        vm.expectRevert(wrong);
        vm.prank(auditor);
        settlement.voidByAuditor(1, "x");
        vm.expectRevert(wrong);
        settlement.finalise(1, "x");
        vm.expectRevert(abi.encodeWithSelector(ISettlement.UnknownPosting.selector, 9));
        settlement.finalise(9, digest);
    }

    function test_attest_and_contest() public {
        (, bytes32 digest) = post();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, operator));
        vm.prank(operator);
        settlement.attest(1, digest);
        vm.prank(secondAuditor);
        settlement.attest(1, digest);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyAttested.selector, 1, 1));
        vm.prank(secondAuditor);
        settlement.attest(1, digest);
        vm.warp(block.timestamp + OBJECTION);
        settlement.finalise(1, digest);
        // attested late; contested after the fact
        vm.prank(auditor);
        settlement.attest(1, digest);
        vm.prank(auditor);
        settlement.contest(1, digest);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.AlreadyContested.selector, 1, 0));
        vm.prank(auditor);
        settlement.contest(1, digest);
        (,,,, uint8 state, uint32 attested, uint32 contested,) = settlement.posting(1);
        yes(state == FINAL && attested == 3 && contested == 1, "both on record");
    }

    function test_auditor_voids_a_window_once() public {
        (, bytes32 digest) = post();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, address(this)));
        settlement.voidByAuditor(1, digest);
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
        (, bytes32 second) = post();
        vm.expectRevert(abi.encodeWithSelector(ISettlement.VoidedBefore.selector, WINDOW, 0));
        vm.prank(auditor);
        settlement.voidByAuditor(2, second);
        vm.prank(secondAuditor);
        settlement.voidByAuditor(2, second);
        eq(stateOf(2), VOID, "by another auditor");
    }

    /// @dev I10: posted → void or posted → final, once, never back.
    function test_one_exit_void() public {
        (, bytes32 digest) = post();
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
        bytes memory gone = abi.encodeWithSelector(ISettlement.WrongState.selector, 1, VOID);
        vm.warp(block.timestamp + OBJECTION);
        vm.expectRevert(gone);
        settlement.finalise(1, digest);
        vm.expectRevert(gone);
        vm.prank(secondAuditor);
        settlement.voidByAuditor(1, digest);
        vm.expectRevert(gone);
        vm.prank(auditor);
        settlement.attest(1, digest);
    }

    function test_one_exit_final() public {
        (, bytes32 digest) = post();
        uint256 earliest = block.timestamp + OBJECTION;
        vm.warp(earliest - 1);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.TooEarly.selector, earliest));
        settlement.finalise(1, digest);
        vm.warp(earliest);
        settlement.finalise(1, digest);
        eq(settlement.newestFinal(WINDOW), 1, "newest final");
        eq(settlement.live(WINDOW), 1, "still live");
        bytes memory done = abi.encodeWithSelector(ISettlement.WrongState.selector, 1, FINAL);
        vm.expectRevert(done);
        settlement.finalise(1, digest);
        vm.expectRevert(done);
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
    }
}
