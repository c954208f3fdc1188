// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Anchor, IReadingLog, RecordOpening} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {WindowNotOver} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {ChallengeFailed} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {Attacking} from "./Attacks.sol";
import {Community} from "./Community.sol";
import {Vm} from "./Vm.sol";

/// @dev A reader that lies, is silent or spiteful; see docs/attacks.md.
contract ReaderAttacksTest is Attacking {
    function setUp() public override {
        super.setUp();
        settle(2, 2);
    }

    function failed() private pure returns (bytes memory) {
        return abi.encodeWithSelector(ChallengeFailed.selector, 0);
    }

    /// @dev Opens what reader 0 anchored as revision 1 against the operator's replacement.
    function challenged(RecordOpening memory r, bytes32[] memory proof, bytes memory pack) private view returns (Opening memory o) {
        o = replaced(0);
        (o.meters[0].challenge, o.meters[0].challengeRevision, o.meters[0].record) = (true, 1, r);
        (o.meters[0].packProof, o.meters[0].pack) = (proof, pack);
    }

    function afterWithheld() private {
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW);
        vm.warp(block.timestamp + 1);
    }

    /// @dev The operator who used it would be wrong; the one who replaces it is right.
    function unfit(bytes memory pack) private {
        (RecordOpening memory r, bytes32[] memory proof) = anchorNext(keccak256(pack));
        (, Opening memory o) = honest();
        (o.meters[0].revision, o.meters[0].record, o.meters[0].pack, o.meters[0].packProof) = (1, r, pack, proof);
        falls(o, Reasons.PACK_UNFIT);
        o = challenged(r, proof, pack);
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bounces(sequence, h, o, failed());
        finaliseAfterObjection(sequence, h);
    }

    function test_an_empty_pack_is_replaced() public {
        unfit("");
    }

    function test_a_node_of_a_deeper_tree_is_no_pack() public {
        unfit(abi.encodePacked(bytes1(0x01), bytes32("left"), bytes32("right")));
    }

    function test_a_pack_too_long_is_replaced() public {
        unfit(bytes.concat(packOf(0, 1, 255), "x"));
    }

    function test_a_pack_of_another_meter_is_replaced() public {
        unfit(packOf(1, 1, 255));
    }

    function test_a_pack_of_another_revision_is_replaced() public {
        unfit(packs[0]);
    }

    function test_registers_that_do_not_add_up_are_replaced() public {
        bytes memory pack = packOf(0, 1, 255);
        pack[pack.length - 1] ^= 0x01;
        unfit(pack);
    }

    function test_an_empty_position_is_replaced() public {
        (RecordOpening memory r, bytes32[] memory proof) = anchorNext(0);
        (, Opening memory o) = honest();
        (o.meters[0].revision, o.meters[0].record, o.meters[0].packProof, o.meters[0].emptyPosition) = (1, r, proof, true);
        falls(o, Reasons.POSITION_EMPTY);
        o = challenged(r, proof, "");
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bounces(sequence, h, o, bad(4, 0));
        finaliseAfterObjection(sequence, h);
    }

    /// @dev What nobody can open stops nobody: an auditor says that the reader keeps it back, the operator replaces, the day becomes final. The
    /// readings anchored before would be stale.
    function test_a_root_nobody_can_open() public {
        (RecordOpening memory r,) = anchorNext(keccak256("thrown away"));
        (, Opening memory o) = honest();
        (o.meters[0].hasNext, o.meters[0].next) = (true, r);
        falls(o, Reasons.SOURCE_STALE);
        afterWithheld();
        o = replaced(0);
        (o.meters[0].challenge, o.meters[0].pack) = (true, packs[0]);
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bounces(sequence, h, o, failed());
        finaliseAfterObjection(sequence, h);
    }

    /// @dev Who delivers late, after the auditor's word, has lost the day to the replacement.
    function test_a_good_pack_delivered_after_it_was_withheld() public {
        afterWithheld();
        Opening memory o = replaced(0);
        (o.meters[0].challenge, o.meters[0].pack) = (true, packs[0]);
        Header memory h = commit(o);
        bounces(post(h), h, o, failed());
    }

    function test_a_flood_of_revisions() public {
        for (uint16 r = 1; r < 255; r++) {
            readingLog.anchor(anAnchor(0, WINDOW, r, bytes32(uint256(r))));
        }
        Anchor memory more = anAnchor(0, WINDOW, 255, "one more");
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.TooManyRevisions.selector, 0, WINDOW));
        readingLog.anchor(more);
        // the neighbours' records share the storage word and are as they were
        eq(readingLog.count(1, WINDOW), 1, "reader 1");
        afterWithheld();
        Opening memory o = replaced(0);
        finaliseAfterObjection(holds(o), commit(o));
    }

    function test_anchoring_after_the_cut_off() public {
        vm.warp(postingTime + 1);
        bytes memory pack = packOf(0, 1, 255);
        (RecordOpening memory r, bytes32[] memory proof) = anchorNext(keccak256(pack));
        (, Opening memory o) = honest();
        (o.meters[0].hasNext, o.meters[0].next) = (true, r);
        holds(o);
        header = commit(o);
        voidByAuditor(1);
        (, o) = honest();
        (o.meters[0].revision, o.meters[0].record, o.meters[0].pack, o.meters[0].packProof) = (1, r, pack, proof);
        falls(o, Reasons.SOURCE_TOO_NEW);
    }

    /// @dev In the very second of the cut-off, behind the operator's posting in the same block: that posting falls, the next one stands.
    function test_anchoring_in_the_second_of_the_cut_off() public {
        (Header memory h, Opening memory o) = honest();
        uint64 sequence = post(h);
        bytes memory pack = packOf(0, 1, 255);
        (RecordOpening memory r, bytes32[] memory proof) = anchorNext(keccak256(pack));
        (o.meters[0].hasNext, o.meters[0].next) = (true, r);
        bytes memory signature = wish(sequence, h);
        vm.recordLogs();
        settlement.refute(sequence, MEMBER, h, o, signature);
        voidedFor(sequence, Reasons.SOURCE_STALE);
        (, o) = honest();
        (o.meters[0].revision, o.meters[0].record, o.meters[0].pack, o.meters[0].packProof) = (1, r, pack, proof);
        holds(o);
    }
}

/// @dev Records and keys of readers.
contract ReaderRecordsTest is Community {
    uint32 private constant WINDOW = EARLIEST;

    function setUp() public override {
        super.setUp();
        vm.warp(registry.windowEnd(WINDOW));
    }

    function refuse(Anchor memory a, bytes memory reason) private {
        vm.expectRevert(reason);
        readingLog.anchor(a);
    }

    function test_another_root_for_the_same_revision() public {
        readingLog.anchor(anAnchor(0, WINDOW, 0, keccak256("root")));
        refuse(anAnchor(0, WINDOW, 0, keccak256("other")), abi.encodeWithSelector(IReadingLog.RootConflict.selector, 0, WINDOW, 0));
        eq(readingLog.count(0, WINDOW), 1, "one");
    }

    /// @dev The log compares 24 bits of a root. Another root with the same ones is passed over as known: never stored, never opened.
    function test_another_root_with_the_same_fingerprint() public {
        bytes32 root = keccak256("root");
        bytes32 other = root ^ bytes32(uint256(1) << 24);
        uint64 batch = readingLog.anchor(anAnchor(0, WINDOW, 0, root));
        eq(readingLog.anchor(anAnchor(0, WINDOW, 0, other)), 0, "passed over");
        RecordOpening memory o = RecordOpening(batch, uint64(block.timestamp), root, 0, new bytes32[](0));
        readingLog.openRecord(0, WINDOW, 0, o);
        o.root = other;
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BadRecord.selector, 0, WINDOW, 0));
        readingLog.openRecord(0, WINDOW, 0, o);
    }

    function test_gaps_and_days_to_come() public {
        refuse(anAnchor(0, WINDOW, 1, "root"), abi.encodeWithSelector(IReadingLog.RevisionGap.selector, 0, WINDOW, 1, 0));
        uint256 end = registry.windowEnd(WINDOW + 1);
        refuse(anAnchor(0, WINDOW + 1, 0, "root"), abi.encodeWithSelector(WindowNotOver.selector, WINDOW + 1, end));
    }

    /// @dev Two readers with one key: a record is for the reader that it names.
    function test_a_record_is_for_the_reader_it_names() public {
        vm.prank(operator);
        registry.addReader(2, 1, readerKey(0), 0);
        Anchor memory a = anAnchor(0, WINDOW, 0, "root");
        a.reader = 2;
        refuse(a, abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 2));
    }

    /// @dev Strangers' and poisoned records before, between and behind honest ones: absurd windows, an unknown reader, an empty root, another
    /// root, a gap, a false signature, the same record twice. The honest ones are anchored.
    function test_poisoned_records_in_a_batch() public {
        readingLog.anchor(anAnchor(1, WINDOW - 1, 0, keccak256("known")));
        Anchor[] memory list = new Anchor[](12);
        list[0] = anAnchor(0, type(uint32).max, 0, "never");
        list[1] = anAnchor(0, WINDOW, 0, keccak256("honest"));
        list[2] = anAnchor(0, WINDOW, 0, keccak256("honest"));
        list[3] = anAnchor(0, WINDOW, 0, keccak256("conflict"));
        list[4] = anAnchor(77, WINDOW, 0, keccak256("stranger"));
        list[5] = anAnchor(1, WINDOW, 0, 0);
        list[6] = anAnchor(1, WINDOW, 1, keccak256("gap"));
        list[7] = anAnchor(1, WINDOW, 0, keccak256("forged"));
        list[7].signature = list[6].signature;
        list[8] = anAnchor(1, WINDOW - 1, 0, keccak256("conflict"));
        list[9] = anAnchor(0, WINDOW + 1, 0, keccak256("too early"));
        list[10] = anAnchor(1, WINDOW, 0, keccak256("honest"));
        list[11] = anAnchor(0, WINDOW - 2, 0, keccak256("honest"));
        vm.recordLogs();
        eq(readingLog.anchorMany(dense(list)), 2, "batch");
        uint8[12] memory why = [2, 0, 0, 4, 1, 3, 5, 7, 4, 2, 0, 0];
        Vm.Log[] memory logs = vm.getRecordedLogs();
        uint256 skipped = 0;
        for (uint256 i = 0; i < logs.length; i++) {
            if (logs[i].topics[0] != keccak256("Skipped(uint16,uint8)")) continue;
            (uint16 index, uint8 said) = abi.decode(logs[i].data, (uint16, uint8));
            eq(said, why[index], "why");
            yes(said != 0, "a reason");
            skipped++;
        }
        eq(skipped, 8, "skipped");
        eq(readingLog.count(0, WINDOW) + readingLog.count(1, WINDOW) + readingLog.count(0, WINDOW - 2), 3, "honest ones");
        eq(readingLog.count(0, WINDOW + 1) + readingLog.count(77, WINDOW) + readingLog.count(0, type(uint32).max), 0, "no other");
    }

    /// @dev The first windows there are, long before the community: a reader's record of them is its own affair, and no error.
    function test_the_first_window_of_all_in_a_batch() public {
        Anchor[] memory list = new Anchor[](3);
        list[0] = anAnchor(0, 0, 0, keccak256("1970"));
        list[1] = anAnchor(0, 1, 0, keccak256("1970"));
        list[2] = anAnchor(0, WINDOW, 0, keccak256("honest"));
        eq(readingLog.anchorMany(dense(list)), 1, "batch");
        eq(readingLog.count(0, WINDOW), 1, "honest");
        // an empty group of any window counts for nothing
        bytes memory packed = abi.encodePacked(uint32(0), uint16(0), type(uint32).max, uint16(0), dense(list));
        eq(readingLog.anchorMany(packed), 0, "known");
    }

    function test_a_batch_that_is_cut_off() public {
        Anchor[] memory list = new Anchor[](1);
        list[0] = anAnchor(0, WINDOW, 0, keccak256("honest"));
        bytes memory packed = bytes.concat(dense(list), "abc");
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.BatchMalformed.selector, packed.length));
        readingLog.anchorMany(packed);
    }

    /// @dev A reader that takes a coming auditor's address for a key bars that address, and loses the key. Another address serves.
    function test_an_auditors_address_taken_for_a_readers_key() public {
        address coming = vm.addr(0xC0DE);
        bytes32 key = bytes32(uint256(uint160(coming)));
        bytes32 kind = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");
        registry.rotateReader(0, 1, key, 0, signed(READER_KEY, keccak256(abi.encode(kind, uint32(0), uint8(1), key, bytes32(0)))));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, coming));
        vm.prank(operator);
        registry.appointAuditor(2, coming);
        refuse(anAnchor(0, WINDOW, 0, "root"), abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0));
        vm.prank(operator);
        registry.appointAuditor(2, vm.addr(0xC0DF));
        // the other way round it is refused
        bytes32 auditors = bytes32(uint256(uint160(auditor)));
        bytes memory signature = signed(READER_KEY + 1, keccak256(abi.encode(kind, uint32(1), uint8(1), auditors, bytes32(0))));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, auditor));
        registry.rotateReader(1, 1, auditors, 0, signature);
    }

    /// @dev Programs where P256VERIFY should be: that say yes to all, answer in another form, fail, or say nothing.
    function test_chains_that_only_seem_to_verify_p256() public {
        bytes[6] memory fakes =
            [bytes(hex"60015f5260205ff3"), hex"60015f5260405ff3", hex"60025f5260205ff3", hex"6001601f53601f5ff3", hex"5f5ffd", hex"00"];
        bytes32 x = 0x1CC0732D1F90A2ABD177720B8F664D498C53E169B919D3EC6F73F0DE2D993108;
        bytes32 y = 0x1029619A8D4DB902F14199321F2C3E436814F7169F7CB2A4CF30E29DADE3204A;
        for (uint256 i = 0; i < fakes.length; i++) {
            vm.etch(address(0x100), fakes[i]);
            vm.expectRevert(abi.encodeWithSelector(IRegistry.CurveNotSupported.selector, 2));
            vm.prank(operator);
            registry.addReader(2, 2, x, y);
        }
        // a chain that knows the questions is believed: who runs such a chain need not cheat with keys
        bytes memory knowing = abi.encodePacked(hex"7f", keccak256("Lindenstrom"), hex"5f3514602a575f5ff35b60015f5260205ff3");
        vm.etch(address(0x100), knowing);
        vm.prank(operator);
        registry.addReader(2, 2, x, y);
        eq(registry.readerCount(), 3, "added");
    }
}
