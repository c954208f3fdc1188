// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {IReadingLog, RecordOpening} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {AgreementOpening, Header, ISettlement, MeterOpening, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {BadOpening, ChallengeFailed} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {NotSignedBy, SpecialMember} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Day, Grove} from "./Day.sol";
import {Vm} from "./Vm.sol";

/// @dev What a refutation costs as a transaction of its own: 21 000, calldata (with EIP-7623's floor), execution with cold storage.
abstract contract Measured is Day {
    function gasOfNetRefutation() internal returns (uint256) {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bytes memory data = abi.encodeCall(settlement.refute, (sequence, MEMBER, h, o, wish(sequence, h)));
        for (uint256 i = 0; i < 4; i++) {
            vm.cool([address(registry), address(agreements), address(readingLog), address(settlement)][i]);
        }
        vm.recordLogs();
        (bool ok,) = address(settlement).call(data);
        uint256 execution = vm.lastCallGas().gasTotalUsed;
        yes(ok, "voided");
        // everything before the net was right, by plain arithmetic too
        (uint8 reason,) = abi.decode(vm.getRecordedLogs()[0].data, (uint8, address));
        eq(reason, Reasons.NET_DIFFERS, "reason");
        (,,,, uint8 state,,,) = settlement.posting(sequence);
        eq(state, 2, "void");
        return 21_000 + dearer(data, execution);
    }

    function dearer(bytes memory data, uint256 execution) private pure returns (uint256) {
        uint256 tokens = 0;
        for (uint256 i = 0; i < data.length; i++) {
            tokens += data[i] == 0 ? 1 : 4;
        }
        uint256 usual = 4 * tokens + execution;
        return usual > 10 * tokens ? usual : 10 * tokens;
    }

    function within(uint256 used, uint256 budget) internal {
        emit Used(used, budget);
        yes(used <= budget, "budget");
    }

    event Used(uint256 gas, uint256 budget);
}

contract RefuteGasTest is Measured {
    uint8 private theKey = ANY;
    uint8 private theRule;
    uint8 private constant ANY = 255;

    function kindOf(uint256 j) internal view override returns (uint8, uint8) {
        return theKey == ANY ? super.kindOf(j) : (theKey, theRule);
    }

    function threeAndTwo(uint8 key, uint8 rule) private {
        (theKey, theRule) = (key, rule);
        settle(2, 3);
        within(gasOfNetRefutation(), 1_000_000);
    }

    function atTheCaps(uint8 key, uint8 rule) private {
        (theKey, theRule) = (key, rule);
        settle(4, 4);
        within(gasOfNetRefutation(), 1_500_000);
    }

    function test_gas_three_agreements_two_meters() public {
        threeAndTwo(ANY, 0);
    }

    function test_gas_three_agreements_two_meters_auction() public {
        threeAndTwo(0, 2);
    }

    function test_gas_three_agreements_two_meters_priority() public {
        threeAndTwo(4, 1);
    }

    function test_gas_at_the_caps() public {
        atTheCaps(ANY, 0);
    }

    function test_gas_at_the_caps_proportional() public {
        atTheCaps(0, 0);
    }

    function test_gas_at_the_caps_auction() public {
        atTheCaps(0, 2);
    }

    function test_gas_at_the_caps_static() public {
        atTheCaps(1, 0);
    }

    function test_gas_at_the_caps_cascading() public {
        atTheCaps(2, 0);
    }

    function test_gas_at_the_caps_equal() public {
        atTheCaps(3, 0);
    }

    function test_gas_at_the_caps_priority() public {
        atTheCaps(4, 0);
    }
}

contract RefuteTest is Day {
    function setUp() public override {
        super.setUp();
        settle(2, 2);
    }

    function refute(Header memory h, Opening memory o, bytes memory refusal) private {
        uint64 sequence = post(h);
        bytes memory signature = wish(sequence, h);
        if (refusal.length != 0) vm.expectRevert(refusal);
        settlement.refute(sequence, MEMBER, h, o, signature);
    }

    function voided(Opening memory o, uint8 reason) private {
        voidedUnder(commit(o), o, reason);
    }

    function voidedUnder(Header memory h, Opening memory o, uint8 reason) private {
        uint64 sequence = settlement.nextSequence();
        vm.recordLogs();
        refute(h, o, "");
        Vm.Log[] memory logs = vm.getRecordedLogs();
        (uint8 found,) = abi.decode(logs[logs.length - 1].data, (uint8, address));
        eq(found, reason, "reason");
        (,,,, uint8 state,,,) = settlement.posting(sequence);
        eq(state, 2, "void");
        eq(settlement.live(WINDOW), 0, "free");
    }

    function stands(Opening memory o) private {
        refute(commit(o), o, abi.encodeWithSelector(ISettlement.NothingWrong.selector, settlement.nextSequence(), MEMBER));
    }

    function bad(uint8 which, uint256 index) private pure returns (bytes memory) {
        return abi.encodeWithSelector(BadOpening.selector, which, index);
    }

    function test_honest_day_stands() public {
        (, Opening memory o) = honest();
        stands(o);
    }

    function test_only_the_member_asks() public {
        (Header memory h, Opening memory o) = honest();
        o.statement.net += 1;
        h = commit(o);
        uint64 sequence = post(h);
        bytes memory byOther = signed(MEMBER_KEY + 3, keccak256("x"));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, MEMBER));
        settlement.refute(sequence, MEMBER, h, o, byOther);
        vm.expectRevert(abi.encodeWithSelector(SpecialMember.selector, 1));
        settlement.refute(sequence, 1, h, o, byOther);
        bytes32 stored = digestOf(sequence, h);
        h.sourcesRoot = 0;
        bytes32 given = digestOf(sequence, h);
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongDigest.selector, sequence, given, stored));
        settlement.refute(sequence, MEMBER, h, o, byOther);
    }

    function test_not_after_final() public {
        (Header memory h, Opening memory o) = honest();
        o.statement.net += 1;
        h = commit(o);
        uint64 sequence = post(h);
        bytes memory signature = wish(sequence, h);
        vm.warp(block.timestamp + OBJECTION);
        settlement.finalise(sequence, digestOf(sequence, h));
        vm.expectRevert(abi.encodeWithSelector(ISettlement.WrongState.selector, sequence, 3));
        settlement.refute(sequence, MEMBER, h, o, signature);
    }

    function test_statement_fields() public {
        (, Opening memory o) = honest();
        o.statement.index = 3;
        voided(o, Reasons.STATEMENT_FIELD);
        (, o) = honest();
        o.statement.community = 0;
        voided(o, Reasons.STATEMENT_FIELD);
        (, o) = honest();
        o.statement.window -= 1;
        voided(o, Reasons.STATEMENT_FIELD);
        (, o) = honest();
        o.statement.revision = 1;
        voided(o, Reasons.STATEMENT_FIELD);
    }

    function test_source_missing_or_malformed() public {
        (, Opening memory o) = honest();
        o.meters[1].kind = 0;
        voided(o, Reasons.SOURCE_MISSING);
        (, o) = honest();
        o.meters[1].kind = 3;
        voided(o, Reasons.SOURCE_MALFORMED);
        (, o) = honest();
        o.meters[0].replacement = bytes32("x");
        voided(o, Reasons.SOURCE_MALFORMED);
        (, o) = honest();
        o.meters[0].kind = 2;
        voided(o, Reasons.SOURCE_MALFORMED);
    }

    function test_source_not_anchored() public {
        (, Opening memory o) = honest();
        o.meters[1].revision = 1;
        voided(o, Reasons.SOURCE_NOT_ANCHORED);
    }

    /// @dev Anchors revision 1 of meter 0 now and returns its record.
    function correct(bytes memory pack) private returns (RecordOpening memory r, bytes32[] memory proof) {
        return correctTo(keccak256(pack));
    }

    function correctTo(bytes32 packLeaf) private returns (RecordOpening memory r, bytes32[] memory proof) {
        bytes32[] memory leaf = new bytes32[](1);
        leaf[0] = packLeaf;
        (bytes32 root, bytes32[][] memory proofs) = Grove.grow(leaf, 40, DEPTH);
        uint64 batch = readingLog.anchor(anAnchor(0, WINDOW, 1, root));
        return (RecordOpening(batch, uint64(block.timestamp), root, 0, new bytes32[](0)), proofs[0]);
    }

    function test_source_too_new() public {
        vm.warp(postingTime + 1);
        bytes memory pack = packOf(0, 1, 255);
        (RecordOpening memory r, bytes32[] memory proof) = correct(pack);
        (, Opening memory o) = honest();
        (o.meters[0].revision, o.meters[0].record, o.meters[0].pack, o.meters[0].packProof) = (1, r, pack, proof);
        voided(o, Reasons.SOURCE_TOO_NEW);
    }

    function test_source_stale_only_if_the_next_came_in_time() public {
        (, Opening memory o) = honest();
        (o.meters[0].next,) = correct(packOf(0, 1, 255));
        o.meters[0].hasNext = true;
        voided(o, Reasons.SOURCE_STALE);
    }

    function test_a_correction_after_the_cut_off_does_not_matter() public {
        vm.warp(postingTime + 1);
        (, Opening memory o) = honest();
        (o.meters[0].next,) = correct(packOf(0, 1, 255));
        o.meters[0].hasNext = true;
        stands(o);
    }

    function test_position_empty() public {
        (, Opening memory o) = honest();
        (o.meters[0].record, o.meters[0].packProof) = correctTo(0);
        (o.meters[0].revision, o.meters[0].emptyPosition) = (1, true);
        voided(o, Reasons.POSITION_EMPTY);
    }

    function test_pack_unfit() public {
        (, Opening memory o) = honest();
        (o.meters[0].record, o.meters[0].packProof) = correct("");
        (o.meters[0].revision, o.meters[0].pack) = (1, "");
        voided(o, Reasons.PACK_UNFIT);
    }

    function test_an_empty_position_counts_only_if_it_is_empty() public {
        (Header memory h, Opening memory o) = honest();
        o.meters[1].emptyPosition = true;
        refute(h, o, bad(4, 1));
    }

    function replaced(uint256 i) private view returns (Opening memory o) {
        (, o) = honest();
        bytes memory pack = packOf(i, 0xFFFF, i == 1 ? 50 : 255);
        (o.meters[i].kind, o.meters[i].revision, o.meters[i].pack, o.meters[i].replacement) = (2, 0xFFFF, pack, keccak256(pack));
    }

    function test_replacement_falls_to_the_good_pack() public {
        Opening memory o = replaced(1);
        stands(o);
        bytes32 digest = digestOf(1, commit(o));
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
        (o.meters[1].challenge, o.meters[1].pack) = (true, packs[1]);
        voided(o, Reasons.REPLACEMENT_UNFOUNDED);
    }

    function test_replacement_stands_where_the_reader_withheld_before() public {
        vm.prank(auditor);
        readingLog.recordWithheld(1, WINDOW);
        vm.warp(block.timestamp + 1);
        Opening memory o = replaced(1);
        (o.meters[1].challenge, o.meters[1].pack) = (true, packs[1]);
        refute(commit(o), o, abi.encodeWithSelector(ChallengeFailed.selector, 1));
    }

    function test_withheld_in_the_posting_block_is_too_late() public {
        vm.prank(auditor);
        readingLog.recordWithheld(1, WINDOW);
        Opening memory o = replaced(1);
        (o.meters[1].challenge, o.meters[1].pack) = (true, packs[1]);
        voided(o, Reasons.REPLACEMENT_UNFOUNDED);
    }

    function test_challenge_needs_the_newest_at_the_cut_off() public {
        correct(packOf(0, 1, 255));
        Opening memory o = replaced(0);
        (o.meters[0].challenge, o.meters[0].pack) = (true, packs[0]);
        refute(commit(o), o, abi.encodeWithSelector(ChallengeFailed.selector, 0));
    }

    function test_replacement_unfit() public {
        (, Opening memory o) = honest();
        (o.meters[0].kind, o.meters[0].revision, o.meters[0].replacement) = (2, 0xFFFF, keccak256(packs[0]));
        voided(o, Reasons.REPLACEMENT_UNFIT);
    }

    function test_results() public {
        (, Opening memory o) = honest();
        o.agreements[1].empty = true;
        voided(o, Reasons.RESULT_MISSING);
        (, o) = honest();
        o.agreements[0].triples = bytes.concat(o.agreements[0].triples, "x");
        voided(o, Reasons.RESULT_LENGTH);
        (, o) = honest();
        o.agreements[0].triples[20 * 99 + 3] ^= 0x01;
        voided(o, Reasons.PRICE_DIFFERS);
        (, o) = honest();
        // g = 2^32 + something
        o.agreements[1].triples[20 * 99 + 12 + 3] = 0x01;
        o.agreements[1].triples[20 * 99 + 12 + 7] = 0x01;
        voided(o, Reasons.LEVEL_RANGE);
        (, o) = honest();
        // the static one runs first; its level is at most 2^44
        o.agreements[0].triples[20 * 7 + 4 + 1] = 0x01;
        voided(o, Reasons.LEVEL_RANGE);
    }

    function test_lines_and_net() public {
        (, Opening memory o) = honest();
        o.statement.lines[11] ^= 0x01;
        voided(o, Reasons.LINES_DIFFER);
        (, o) = honest();
        o.statement.net -= 1;
        voided(o, Reasons.NET_DIFFERS);
        (, o) = honest();
        o.statement.empty = true;
        voided(o, Reasons.LINES_DIFFER);
        // one mWh more in a shared level shows in the lines
        (, o) = honest();
        o.agreements[1].triples[20 * 3 + 4 + 4] ^= 0x40;
        voided(o, Reasons.LINES_DIFFER);
    }

    /// @dev Nothing reaches the recomputation but what was committed: a wrong opening reverts and never voids.
    function test_wrong_openings_revert() public {
        (Header memory h, Opening memory o) = honest();
        o.statement.net += 1;
        refute(h, o, bad(1, 0));
        (, o) = honest();
        o.statement.empty = true;
        again(h, o, bad(1, 0));
        (, o) = honest();
        o.meters[1].kind = 0;
        again(h, o, bad(3, 1));
        (, o) = honest();
        o.meters[1].revision = 7;
        again(h, o, bad(3, 1));
        (, o) = honest();
        o.meters[0].pack[200] ^= 0x01;
        again(h, o, bad(4, 0));
        (, o) = honest();
        o.meters[0].pack = "";
        again(h, o, bad(4, 0));
        (, o) = honest();
        o.meters[0].record.time = 2 ** 63;
        again(h, o, abi.encodeWithSelector(IReadingLog.BadRecord.selector, 0, WINDOW, 0));
        (, o) = honest();
        (o.meters[0].hasNext, o.meters[0].next) = (true, o.meters[0].record);
        again(h, o, abi.encodeWithSelector(IReadingLog.BadRecord.selector, 0, WINDOW, 1));
        (, o) = honest();
        o.agreements[1].share += 1;
        again(h, o, bad(6, 1));
        (, o) = honest();
        o.agreements[1].weight += 1;
        again(h, o, bad(6, 1));
        (, o) = honest();
        o.agreements[0].triples[9] ^= 0x01;
        again(h, o, bad(7, 0));
        (, o) = honest();
        o.agreements[0].empty = true;
        again(h, o, bad(7, 0));
        (, o) = honest();
        (o.agreements[0], o.agreements[1]) = (o.agreements[1], o.agreements[0]);
        again(h, o, bad(6, 0));
        (, o) = honest();
        o.statement.proof = new bytes32[](DEPTH - 1);
        again(h, o, bad(1, 0));
        (, o) = honest();
        o.meters = new MeterOpening[](1);
        again(h, o, bad(2, 1));
        (, o) = honest();
        o.agreements = new AgreementOpening[](3);
        again(h, o, bad(5, 3));
    }

    function again(Header memory h, Opening memory o, bytes memory refusal) private {
        bytes memory signature = wish(1, h);
        vm.expectRevert(refusal);
        settlement.refute(1, MEMBER, h, o, signature);
    }
}

contract NotPublicTest is Day {
    function test_a_private_agreement_bars_the_public_path() public {
        Terms memory t = someTerms(0, 0);
        t.publicDisputes = false;
        uint32 id = offer(t);
        join(Join(MEMBER, id, 1, EARLIEST, OPEN, parametersOf(0)));
        vm.warp(registry.windowEnd(WINDOW) + CLOSE_DELAY);
        Header memory h = Header(WINDOW, 0, uint64(block.timestamp), bytes32("s"), bytes32("r"), bytes32("o"));
        uint64 sequence = post(h);
        bytes memory signature = wish(sequence, h);
        Opening memory o;
        vm.expectRevert(abi.encodeWithSelector(ISettlement.NotPublic.selector, id));
        settlement.refute(sequence, MEMBER, h, o, signature);
    }
}
