// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor, IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Community} from "./Community.sol";
import {Vm} from "./Vm.sol";

/// @dev `anchorMany` against the rules told plainly: groups in any order, empty ones, the same window twice, the same record twice, neighbours
/// in one storage word, and every fault, two batches one after the other.
contract BatchesTest is Community {
    uint32 private constant OVER = EARLIEST;
    uint32 private constant READERS = 10;

    struct Told {
        bool skipped;
        uint16 index;
        uint8 why;
        uint32 window;
        uint16 firstSlot;
        bytes records;
    }

    mapping(uint32 reader => mapping(uint32 window => bytes32[])) private roots;
    Told[] private told;
    bytes32[] private leaves;
    uint256 private state;

    function setUp() public override {
        super.setUp();
        for (uint32 i = 2; i < READERS; i++) {
            vm.prank(operator);
            registry.addReader(i, 1, readerKey(i), 0);
        }
        vm.warp(registry.windowEnd(OVER));
    }

    function random(uint256 below) private returns (uint256) {
        state = uint256(keccak256(abi.encode(state)));
        return state % below;
    }

    function aRecord(uint32 window) private returns (Anchor memory a) {
        // two readers are unknown
        uint32 reader = uint32(random(READERS + 2));
        uint256 revision = random(3) == 0 ? random(3) : roots[reader][window].length;
        a = anAnchor(reader, window, uint16(revision), bytes32(random(8) == 0 ? 0 : 1 + random(2)));
        if (random(8) == 0) a.signature[20] ^= 0x01;
        if (random(12) == 0) a.signature = new bytes(64);
    }

    function signedWell(Anchor memory a) private view returns (bool) {
        return keccak256(compact(a.signature)) == keccak256(compact(anAnchor(a.reader, a.window, a.revision, a.root).signature));
    }

    /// @dev 0 new, 8 known, else why it is passed over.
    function judged(Anchor memory a) private view returns (uint8) {
        if (a.window > OVER) return 2;
        if (a.reader >= READERS) return 1;
        if (a.root == 0) return 3;
        bytes32[] storage known = roots[a.reader][a.window];
        if (a.revision > known.length) return 5;
        if (a.revision == known.length) return signedWell(a) ? 0 : 7;
        return uint256(a.revision) + 1 == known.length && known[a.revision] != a.root ? 4 : 8;
    }

    function group(uint16 first) private returns (bytes memory packed, uint16 size) {
        uint32 window = OVER - 1 + uint32(random(3));
        size = uint16(random(8));
        (uint16 firstSlot, bytes memory records) = (uint16(leaves.length), bytes(""));
        for (uint16 i = 0; i < size; i++) {
            Anchor memory a = aRecord(window);
            packed = abi.encodePacked(packed, a.reader, a.revision, a.root, compact(a.signature));
            uint8 why = judged(a);
            if (why == 8) continue;
            if (why != 0) {
                told.push(Told(true, first + i, why, 0, 0, ""));
                continue;
            }
            roots[a.reader][window].push(a.root);
            records = abi.encodePacked(records, a.reader, a.revision, a.root);
            leaves.push(keccak256(abi.encodePacked(bytes1(0x14), registry.community(), a.reader, window, a.revision, a.root)));
        }
        if (records.length != 0) told.push(Told(false, 0, 0, window, firstSlot, records));
        packed = abi.encodePacked(window, size, packed);
    }

    /// @dev Formats 4: depth ⌈log2 k⌉, missing leaves zero.
    function naiveRoot() private view returns (bytes32) {
        uint256 width = 1;
        while (width < leaves.length) width *= 2;
        bytes32[] memory row = new bytes32[](width);
        for (uint256 i = 0; i < leaves.length; i++) {
            row[i] = leaves[i];
        }
        for (; width > 1; width /= 2) {
            for (uint256 i = 0; i < width; i += 2) {
                row[i / 2] = keccak256(abi.encodePacked(bytes1(0x01), row[i], row[i + 1]));
            }
        }
        return row[0];
    }

    function sameEvents(Vm.Log[] memory logs, uint64 batch) private view {
        eq(logs.length, told.length, "events");
        for (uint256 i = 0; i < logs.length; i++) {
            Told storage t = told[i];
            bytes memory data = t.skipped ? abi.encode(t.index, t.why) : abi.encode(uint64(block.timestamp), t.firstSlot, t.records);
            eq(keccak256(logs[i].data), keccak256(data), "event");
            eq(logs[i].topics[0], t.skipped ? IReadingLog.Skipped.selector : IReadingLog.Anchored.selector, "kind");
            if (t.skipped) continue;
            eq(uint256(logs[i].topics[1]), t.window, "window");
            eq(uint256(logs[i].topics[2]), batch, "batch");
        }
    }

    function testFuzz_batches_are_as_told(uint256 seed) public {
        state = seed;
        for (uint256 round = 0; round < 2; round++) {
            delete told;
            delete leaves;
            bytes memory packed;
            uint16 count = 0;
            for (uint256 groups = 1 + random(6); groups > 0; groups--) {
                (bytes memory next, uint16 size) = group(count);
                (packed, count) = (abi.encodePacked(packed, next), count + size);
            }
            uint64 before = readingLog.batchCount();
            if (count == 0) vm.expectRevert(abi.encodeWithSelector(IReadingLog.BatchSize.selector, 0));
            else vm.recordLogs();
            uint64 batch = readingLog.anchorMany(packed);
            if (count == 0) return;
            uint64 expected = leaves.length == 0 ? 0 : before + 1;
            eq(batch, expected, "batch");
            sameEvents(vm.getRecordedLogs(), batch);
            if (batch != 0) {
                bytes32 digest = keccak256(abi.encodePacked(bytes1(0x18), naiveRoot(), uint64(block.timestamp)));
                eq(readingLog.batchDigest(batch), digest, "digest");
            }
            sameCounts();
        }
    }

    function sameCounts() private view {
        for (uint32 reader = 0; reader < READERS + 6; reader++) {
            for (uint32 window = OVER - 1; window <= OVER + 1; window++) {
                eq(readingLog.count(reader, window), roots[reader][window].length, "count");
            }
        }
    }
}
