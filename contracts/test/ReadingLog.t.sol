// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor, IReadingLog, RecordOpening} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {UnknownReader, WindowNotOver} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Community} from "./Community.sol";

contract ReadingLogTest is Community {
    uint32 private constant WINDOW = EARLIEST;

    function setUp() public override {
        super.setUp();
        vm.warp(registry.windowEnd(WINDOW));
    }

    function refuse(Anchor memory a, bytes memory reason) private {
        vm.expectRevert(reason);
        readingLog.anchor(a);
    }

    function test_record_is_counted_once() public {
        Anchor memory a = anAnchor(0, WINDOW, 0, keccak256("root"));
        eq(readingLog.anchor(a), 1, "batch 1");
        eq(readingLog.count(0, WINDOW), 1, "counted");
        eq(readingLog.anchor(a), 0, "known");
        a.signature = "";
        eq(readingLog.anchor(a), 0, "known, whatever the signature");
        eq(readingLog.count(0, WINDOW), 1, "still one");
        eq(readingLog.batchCount(), 1, "one batch");
        eq(readingLog.count(1, WINDOW), 0, "neighbour");
        eq(readingLog.count(0, WINDOW + 1), 0, "next day");
    }

    function test_other_root_conflicts() public {
        readingLog.anchor(anAnchor(0, WINDOW, 0, keccak256("root")));
        refuse(anAnchor(0, WINDOW, 0, keccak256("other")), abi.encodeWithSelector(IReadingLog.RootConflict.selector, 0, WINDOW, 0));
        readingLog.anchor(anAnchor(0, WINDOW, 1, keccak256("second")));
        eq(readingLog.anchor(anAnchor(0, WINDOW, 0, keccak256("root"))), 0, "an older revision is known");
        refuse(anAnchor(0, WINDOW, 1, keccak256("root")), abi.encodeWithSelector(IReadingLog.RootConflict.selector, 0, WINDOW, 1));
    }

    function test_revisions_leave_no_gap() public {
        refuse(anAnchor(0, WINDOW, 1, keccak256("root")), abi.encodeWithSelector(IReadingLog.RevisionGap.selector, 0, WINDOW, 1, 0));
        for (uint16 r = 0; r < 255; r++) {
            readingLog.anchor(anAnchor(0, WINDOW, r, bytes32(uint256(r) + 1)));
        }
        eq(readingLog.count(0, WINDOW), 255, "full");
        refuse(anAnchor(0, WINDOW, 255, keccak256("root")), abi.encodeWithSelector(IReadingLog.TooManyRevisions.selector, 0, WINDOW));
        eq(readingLog.count(1, WINDOW), 0, "the next cell of the word is untouched");
    }

    function test_only_the_reader_signs() public {
        Anchor memory a = anAnchor(0, WINDOW, 0, keccak256("root"));
        a.reader = 1;
        refuse(a, abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 1));
        a = anAnchor(0, WINDOW, 0, keccak256("root"));
        a.root = keccak256("other");
        refuse(a, abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0));
        a.signature = "";
        refuse(a, abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0));
        refuse(anAnchor(7, WINDOW, 0, keccak256("root")), abi.encodeWithSelector(UnknownReader.selector, 7));
    }

    function test_window_must_be_over_and_root_not_zero() public {
        uint256 end = registry.windowEnd(WINDOW + 1);
        refuse(anAnchor(0, WINDOW + 1, 0, keccak256("r")), abi.encodeWithSelector(WindowNotOver.selector, WINDOW + 1, end));
        refuse(anAnchor(0, WINDOW, 0, 0), abi.encodeWithSelector(IReadingLog.ZeroRoot.selector, 0, WINDOW));
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BatchSize.selector, 0));
        readingLog.anchorMany("");
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BatchSize.selector, 257));
        readingLog.anchorMany(abi.encodePacked(WINDOW, uint16(257), new bytes(257 * 102)));
    }

    function leafOf(Anchor memory a) private view returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x14), registry.community(), a.reader, a.window, a.revision, a.root));
    }

    function node(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), a, b));
    }

    function test_batch_of_three_opens_and_skips_the_known() public {
        readingLog.anchor(anAnchor(0, WINDOW, 0, bytes32(uint256(1))));
        Anchor[] memory batch = new Anchor[](4);
        batch[0] = anAnchor(0, WINDOW, 1, bytes32(uint256(2)));
        batch[1] = anAnchor(0, WINDOW, 0, bytes32(uint256(1)));
        batch[2] = anAnchor(1, WINDOW, 0, bytes32(uint256(3)));
        batch[3] = anAnchor(1, WINDOW - 1, 0, bytes32(uint256(4)));
        eq(readingLog.anchorMany(dense(batch)), 2, "batch 2");

        bytes32 left = node(leafOf(batch[0]), leafOf(batch[2]));
        bytes32 right = node(leafOf(batch[3]), 0);
        bytes32 digest = keccak256(abi.encodePacked(bytes1(0x18), node(left, right), uint64(block.timestamp)));
        eq(readingLog.batchDigest(2), digest, "digest");

        RecordOpening memory o = RecordOpening(2, uint64(block.timestamp), batch[3].root, 2, new bytes32[](2));
        (o.proof[0], o.proof[1]) = (0, left);
        readingLog.openRecord(1, WINDOW - 1, 0, o);
        refuseOpening(1, WINDOW, 0, o);
        refuseOpening(1, WINDOW - 1, 1, o);
        o.time += 1;
        refuseOpening(1, WINDOW - 1, 0, o);
        o.time -= 1;
        o.batch = 3;
        refuseOpening(1, WINDOW - 1, 0, o);
        o.batch = 2;
        o.slot = 6;
        refuseOpening(1, WINDOW - 1, 0, o);
    }

    function refuseOpening(uint32 reader, uint32 window, uint16 revision, RecordOpening memory o) private {
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BadRecord.selector, reader, window, revision));
        readingLog.openRecord(reader, window, revision, o);
    }

    function test_withheld_is_an_auditors_word_once() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, operator));
        vm.prank(operator);
        readingLog.recordWithheld(0, WINDOW);
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW);
        eq(readingLog.withheldAt(0, WINDOW), block.timestamp, "time");
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.AlreadyRecorded.selector, 0, WINDOW));
        vm.prank(secondAuditor);
        readingLog.recordWithheld(0, WINDOW);
        uint256 end = registry.windowEnd(WINDOW + 1);
        vm.expectRevert(abi.encodeWithSelector(WindowNotOver.selector, WINDOW + 1, end));
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW + 1);
    }
}

/// @dev Each meter signs for itself: 200 readers in one transaction.
contract AnchorGasTest is Community {
    event Used(uint256 gasPerReaderAndSlot, uint256 budget);

    function test_gas_of_own_signatures() public {
        uint32 window = EARLIEST;
        for (uint32 r = 2; r < 200; r++) {
            vm.prank(operator);
            registry.addReader(r, 1, readerKey(r), 0);
        }
        vm.warp(registry.windowEnd(window));
        Anchor[] memory batch = new Anchor[](200);
        for (uint32 r = 0; r < 200; r++) {
            batch[r] = anAnchor(r, window, 0, keccak256(abi.encode("root", r)));
        }
        bytes memory data = abi.encodeCall(readingLog.anchorMany, (dense(batch)));
        vm.cool(address(registry));
        vm.cool(address(readingLog));
        (bool ok,) = address(readingLog).call(data);
        uint256 used = 21_000 + vm.lastCallGas().gasTotalUsed;
        yes(ok, "anchored");
        for (uint32 r = 0; r < 200; r++) {
            eq(readingLog.count(r, window), 1, "counted");
        }
        for (uint256 i = 0; i < data.length; i++) {
            used += data[i] == 0 ? 4 : 16;
        }
        emit Used(used / 200 / 96, 150);
        yes(used / 200 / 96 <= 150, "over budget");
    }
}
