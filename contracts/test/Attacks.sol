// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordOpening} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Header, ISettlement, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {BadOpening} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {Grove} from "./Day.sol";
import {Demanding} from "./Demands.t.sol";
import {Vm} from "./Vm.sol";

/// @dev What the attacks of docs/attacks.md have in common: a settled day, and how an attempt on it ends.
abstract contract Attacking is Demanding {
    /// @dev Posts the header and carries the member's refutation: it voids for this reason.
    function falls(Header memory h, Opening memory o, uint8 reason) internal {
        uint64 sequence = post(h);
        bytes memory signature = wish(sequence, h);
        vm.recordLogs();
        settlement.refute(sequence, MEMBER, h, o, signature);
        voidedFor(sequence, reason);
    }

    function falls(Opening memory o, uint8 reason) internal {
        falls(commit(o), o, reason);
    }

    /// @dev The last event says so, and the window is free.
    function voidedFor(uint64 sequence, uint8 reason) internal {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        Vm.Log memory last = logs[logs.length - 1];
        eq(last.topics[0], keccak256("Voided(uint64,uint32,uint8,address)"), "event");
        (uint8 found,) = abi.decode(last.data, (uint8, address));
        eq(found, reason, "reason");
        eq(stateOf(sequence), 2, "void");
        eq(settlement.live(WINDOW), 0, "free");
    }

    function stateOf(uint64 sequence) internal view returns (uint8 state) {
        (,,,, state,,,) = settlement.posting(sequence);
    }

    /// @dev Posts what the opening commits to; refuting with it finds nothing.
    function holds(Opening memory o) internal returns (uint64 sequence) {
        Header memory h = commit(o);
        sequence = post(h);
        bounces(sequence, h, o, nothingWrong(sequence));
    }

    /// @dev Refuting the posting with this opening reverts for this reason, and the posting stands.
    function bounces(uint64 sequence, Header memory h, Opening memory o, bytes memory reason) internal {
        bytes memory signature = wish(sequence, h);
        vm.expectRevert(reason);
        settlement.refute(sequence, MEMBER, h, o, signature);
        eq(stateOf(sequence), 1, "posted");
    }

    function refusePost(uint64 sequence, Header memory h, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(operator);
        settlement.post(sequence, h);
    }

    function nothingWrong(uint64 sequence) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(ISettlement.NothingWrong.selector, sequence, MEMBER);
    }

    function bad(uint8 which, uint256 index) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(BadOpening.selector, which, index);
    }

    /// @dev The day with the operator's replacement for meter i instead of the anchored pack.
    function replaced(uint256 i) internal view returns (Opening memory o) {
        (, o) = honest();
        bytes memory pack = packOf(i, 0xFFFF, i == 1 ? 50 : 255);
        (o.meters[i].kind, o.meters[i].revision, o.meters[i].pack, o.meters[i].replacement) = (2, 0xFFFF, pack, keccak256(pack));
    }

    /// @dev Reader 0 anchors this leaf at meter 0's position as revision 1.
    function anchorNext(bytes32 packLeaf) internal returns (RecordOpening memory r, bytes32[] memory proof) {
        bytes32[] memory leaf = new bytes32[](1);
        leaf[0] = packLeaf;
        (bytes32 root, bytes32[][] memory proofs) = Grove.grow(leaf, 40, DEPTH);
        uint64 batch = readingLog.anchor(anAnchor(0, WINDOW, 1, root));
        return (RecordOpening(batch, uint64(block.timestamp), root, 0, new bytes32[](0)), proofs[0]);
    }

    function finaliseAfterObjection(uint64 sequence, Header memory h) internal {
        vm.warp(block.timestamp + OBJECTION);
        settlement.finalise(sequence, digestOf(sequence, h));
        eq(stateOf(sequence), 3, "final");
    }
}
