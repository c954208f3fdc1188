// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {Anchor, IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind, IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import "../lindenstrom_contracts/libraries/Errors.sol";
import {Community} from "./Community.sol";
import {Vm} from "./Vm.sol";

/// @dev Batches in which not all is well.
contract AnchorManyTest is Community {
    uint32 private constant WINDOW = EARLIEST;

    function setUp() public override {
        super.setUp();
        vm.warp(registry.windowEnd(WINDOW));
    }

    function test_a_bad_record_does_not_spoil_the_others() public {
        readingLog.anchor(anAnchor(0, WINDOW - 1, 0, keccak256("known")));
        Anchor[] memory batch = new Anchor[](9);
        batch[0] = anAnchor(0, WINDOW - 1, 0, keccak256("known"));
        batch[1] = anAnchor(0, WINDOW - 1, 0, keccak256("conflict"));
        batch[2] = anAnchor(1, WINDOW - 1, 1, keccak256("gap"));
        batch[3] = anAnchor(7, WINDOW - 1, 0, keccak256("nobody"));
        batch[4] = anAnchor(1, WINDOW - 1, 0, 0);
        batch[5] = anAnchor(0, WINDOW, 0, keccak256("forged"));
        batch[5].signature = anAnchor(1, WINDOW, 0, keccak256("forged")).signature;
        batch[6] = anAnchor(0, WINDOW, 0, keccak256("good"));
        batch[7] = anAnchor(1, WINDOW, 0, keccak256("good too"));
        batch[8] = anAnchor(0, WINDOW + 1, 0, keccak256("early"));
        vm.recordLogs();
        eq(readingLog.anchorMany(dense(batch)), 2, "batch");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 7, "six skipped, one group");
        uint8[6] memory why = [4, 5, 1, 3, 7, 2];
        uint8[6] memory places = [1, 2, 3, 4, 5, 8];
        uint256 seen = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != IReadingLog.Skipped.selector) continue;
            (uint16 index, uint8 reason) = abi.decode(logs[i].data, (uint16, uint8));
            yes(index == places[seen] && reason == why[seen], "named");
            seen++;
        }
        eq(seen, 6, "all named");
        eq(readingLog.count(0, WINDOW), 1, "good");
        eq(readingLog.count(1, WINDOW), 1, "good too");
        eq(readingLog.count(1, WINDOW - 1), 0, "not the gap");
    }

    function test_nothing_new_makes_no_batch() public {
        Anchor[] memory batch = new Anchor[](2);
        batch[0] = anAnchor(0, WINDOW, 0, keccak256("a"));
        batch[1] = anAnchor(0, WINDOW, 0, keccak256("a"));
        eq(readingLog.anchorMany(dense(batch)), 1, "twice in one batch counts once");
        eq(readingLog.anchorMany(dense(batch)), 0, "known");
        eq(readingLog.count(0, WINDOW), 1, "once");
        eq(readingLog.batchCount(), 1, "one batch");
    }

    function test_bytes_must_end_with_a_group() public {
        Anchor[] memory batch = new Anchor[](1);
        batch[0] = anAnchor(0, WINDOW, 0, keccak256("a"));
        bytes memory packed = abi.encodePacked(dense(batch), bytes1(0));
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BatchMalformed.selector, packed.length));
        readingLog.anchorMany(packed);
    }

    function test_replay_in_another_community_or_chain_is_skipped() public {
        Registry other = new Registry(constants(), operator, auditors());
        yes(other.domainSeparator() != registry.domainSeparator(), "domains differ");
        Anchor[] memory batch = new Anchor[](1);
        batch[0] = anAnchor(0, WINDOW, 0, keccak256("a"));
        vm.chainId(4242);
        eq(readingLog.anchorMany(dense(batch)), 0, "other chain");
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0));
        readingLog.anchor(batch[0]);
    }
}

/// @dev Stands at 0x100 and answers every call with the same bytes.
contract P256Test is Community {
    uint256 private constant KEY = 0xB256;
    bytes32 private constant ROTATE_READER = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");

    function fake(bytes memory code) private {
        vm.etch(address(0x100), code);
        (uint256 x, uint256 y) = vm.publicKeyP256(KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.CurveNotSupported.selector, 2));
        vm.prank(operator);
        registry.addReader(2, 2, bytes32(x), bytes32(y));
    }

    function test_without_a_real_precompile_the_curve_is_refused() public {
        fake("");
        fake(hex"00"); // stops: empty
        fake(hex"600160005260206000f3"); // 1 for everything
        fake(hex"600160005260406000f3"); // 64 bytes
        fake(hex"60206000f3"); // 0
        fake(hex"60006000fd"); // reverts
    }

    function p256(bytes32 structHash) private view returns (bytes memory) {
        (bytes32 r, bytes32 s) = vm.signP256(KEY, keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), structHash)));
        return abi.encodePacked(r, s);
    }

    /// forge-config: default.evm_version = "osaka"
    function test_a_p256_reader_anchors_and_rotates() public {
        (uint256 x, uint256 y) = vm.publicKeyP256(KEY);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.KeyMalformed.selector, bytes32(x), bytes32(y ^ 1)));
        vm.prank(operator);
        registry.addReader(2, 2, bytes32(x), bytes32(y ^ 1));
        vm.prank(operator);
        registry.addReader(2, 2, bytes32(x), bytes32(y));
        vm.warp(registry.windowEnd(EARLIEST));
        Anchor[] memory batch = new Anchor[](2);
        batch[0] = anAnchor(0, EARLIEST, 0, keccak256("a"));
        batch[1] = anAnchor(2, EARLIEST, 0, keccak256("b"));
        bytes32 kind = keccak256("Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)");
        batch[1].signature = p256(keccak256(abi.encode(kind, uint32(2), EARLIEST, uint16(0), keccak256("b"))));
        readingLog.anchorMany(dense(batch));
        eq(readingLog.count(2, EARLIEST), 1, "dense");
        batch[1].root = keccak256("c");
        batch[1].revision = 1;
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 2));
        readingLog.anchor(batch[1]);
        batch[1].signature = p256(keccak256(abi.encode(kind, uint32(2), EARLIEST, uint16(1), keccak256("c"))));
        readingLog.anchor(batch[1]);
        eq(readingLog.count(2, EARLIEST), 2, "strict");
        registry.rotateReader(
            2, 1, readerKey(9), 0, p256(keccak256(abi.encode(ROTATE_READER, uint32(2), uint8(1), readerKey(9), bytes32(0))))
        );
        eq(registry.reader(2).curve, 1, "back on secp256k1");
    }
}

contract AuditorsTest is Community {
    address private constant NEXT = address(0xA0D19);

    function test_appointed_after_thirty_days_with_a_new_bit() public {
        bytes32 before = registry.auditorsHash();
        vm.prank(operator);
        registry.appointAuditor(2, NEXT);
        eq(registry.auditorsHash(), keccak256(abi.encodePacked(auditor, secondAuditor, NEXT)), "announced ones included");
        Bind memory b = aBind(2, 0, 5);
        b.auditors = before;
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(b));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorsDiffer.selector, before, registry.auditorsHash()));
        registry.bind(b, signature);
        vm.warp(block.timestamp + 30 days - 1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, NEXT));
        registry.auditorIndex(NEXT);
        vm.warp(block.timestamp + 1);
        eq(registry.auditorIndex(NEXT), 2, "index");
    }

    function test_dismissed_not_before_thirty_days_and_once() public {
        uint64 end = uint64(block.timestamp) + 30 days;
        vm.prank(operator);
        registry.dismissAuditor(0);
        eq(registry.auditorsHash(), keccak256(abi.encodePacked(secondAuditor)), "without the dismissed");
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AlreadyEnding.selector, 0, end));
        vm.prank(operator);
        registry.dismissAuditor(0);
        vm.warp(end - 1);
        eq(registry.auditorIndex(auditor), 0, "still in office");
        vm.warp(end);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, auditor));
        registry.auditorIndex(auditor);
        eq(registry.auditorIndex(secondAuditor), 1, "bits stay");
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, auditor));
        vm.prank(operator);
        registry.appointAuditor(2, auditor);
    }

    function test_resigns_at_once_and_nobody_else_ends_it() public {
        vm.prank(auditor);
        registry.resignAuditor();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, auditor));
        registry.auditorIndex(auditor);
        vm.expectRevert(abi.encodeWithSelector(NotOperator.selector, secondAuditor));
        vm.prank(secondAuditor);
        registry.dismissAuditor(1);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, operator));
        vm.prank(operator);
        registry.resignAuditor();
        eq(registry.auditorIndex(secondAuditor), 1, "the other stays");
    }

    function test_no_readers_key_ever_used_audits() public {
        bytes32 kind = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");
        address old = vm.addr(READER_KEY);
        registry.rotateReader(
            0, 1, readerKey(9), 0, signed(READER_KEY, keccak256(abi.encode(kind, uint32(0), uint8(1), readerKey(9), bytes32(0))))
        );
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, old));
        vm.prank(operator);
        registry.appointAuditor(2, old);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, operator));
        vm.prank(operator);
        registry.appointAuditor(2, operator);
    }

    function test_at_most_32_ever() public {
        for (uint8 i = 2; i < 32; i++) {
            vm.prank(operator);
            registry.appointAuditor(i, address(uint160(0x5000) + i));
        }
        vm.expectRevert(abi.encodeWithSelector(IRegistry.TooManyAuditors.selector, 33));
        vm.prank(operator);
        registry.appointAuditor(32, NEXT);
    }
}
