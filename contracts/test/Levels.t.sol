// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Header, ISettlement, ResultOpening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {NotSignedBy} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {BadOpening} from "../lindenstrom_contracts/libraries/Refutation.sol";
import {Day, Grove} from "./Day.sol";
import {Vm} from "./Vm.sol";

/// @dev Member 2 takes from one agreement of each kind, all without readings: levels are judged without.
contract LevelsTest is Day {
    uint64 private constant M = type(uint64).max;
    uint64 private constant ONE = 2 ** 32;
    uint64 private constant LARGEST_POOL = uint64(1) << (32 + DEPTH);
    uint32 private constant PROPORTIONAL = 1;
    uint32 private constant STATIC = 2;
    uint32 private constant AUCTION = 3;
    uint32 private constant PRIVATE = 4;

    bytes32 private constant KIND = keccak256("RefuteLevels(uint32 member,uint64 sequence,bytes32 posting,uint32 agreement)");

    function setUp() public override {
        super.setUp();
        uint8[2][4] memory kinds = [[0, 0], [1, 0], [0, 2], [2, 0]];
        for (uint32 i = 0; i < 4; i++) {
            Terms memory t = someTerms(kinds[i][0], kinds[i][1]);
            t.publicDisputes = i + 1 != PRIVATE;
            join(Join(MEMBER, offer(t), 1, EARLIEST, OPEN, parametersOf(i)));
        }
        offer(someTerms(0, 0));
        vm.warp(registry.windowEnd(WINDOW) + CLOSE_DELAY);
    }

    function dayOf(uint32 price, uint64 level, uint64 giverLevel) private pure returns (bytes memory day) {
        bytes memory one_ = abi.encodePacked(price, level, giverLevel);
        for (uint256 s = 0; s < SLOTS; s++) {
            day = bytes.concat(day, one_);
        }
    }

    function bent(bytes memory day, uint256 slot, bytes memory triple) private pure returns (bytes memory) {
        for (uint256 i = 0; i < 20; i++) {
            day[20 * slot + i] = triple[i];
        }
        return day;
    }

    function opened(uint32 agreement, bytes memory triples) private view returns (Header memory h, ResultOpening memory o) {
        (o.triplesSalt, o.triples) = (keccak256("salt"), triples);
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = triples.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(bytes1(0x12), o.triplesSalt, triples));
        o.empty = triples.length == 0;
        bytes32[][] memory proofs;
        (h.resultsRoot, proofs) = Grove.grow(leaves, agreement, DEPTH);
        o.proof = proofs[0];
        (h.window, h.asOf) = (WINDOW, uint64(registry.windowEnd(WINDOW) + CLOSE_DELAY));
        (h.statementsRoot, h.sourcesRoot) = ("s", "o");
    }

    function ask(uint64 sequence, Header memory h, uint32 agreement) private view returns (bytes memory) {
        return signed(MEMBER_KEY + MEMBER, keccak256(abi.encode(KIND, MEMBER, sequence, digestOf(sequence, h), agreement)));
    }

    function voided(uint32 agreement, uint16 slot, bytes memory triples, uint8 reason) private {
        (Header memory h, ResultOpening memory o) = opened(agreement, triples);
        uint64 sequence = post(h);
        bytes memory signature = ask(sequence, h, agreement);
        vm.recordLogs();
        settlement.refuteLevels(sequence, MEMBER, h, agreement, slot, o, signature);
        (uint8 found, address by) = abi.decode(vm.getRecordedLogs()[0].data, (uint8, address));
        eq(found, reason, "reason");
        eq(by, address(this), "carried by anyone");
        eq(settlement.live(WINDOW), 0, "free");
    }

    function stands(uint32 agreement, uint16 slot, bytes memory triples) private {
        (Header memory h, ResultOpening memory o) = opened(agreement, triples);
        uint64 sequence = post(h);
        refused(sequence, h, o, agreement, slot, abi.encodeWithSelector(ISettlement.NothingWrong.selector, sequence, MEMBER));
        eq(settlement.live(WINDOW), sequence, "stands");
    }

    function refused(uint64 sequence, Header memory h, ResultOpening memory o, uint32 agreement, uint16 slot, bytes memory reason) private {
        bytes memory signature = ask(sequence, h, agreement);
        vm.expectRevert(reason);
        settlement.refuteLevels(sequence, MEMBER, h, agreement, slot, o, signature);
    }

    function test_both_curtailed_in_one_slot() public {
        bytes memory day = bent(dayOf(110_000, M, 77), 99, abi.encodePacked(uint32(110_000), uint64(M - 1), uint64(ONE - 1)));
        voided(PROPORTIONAL, 99, day, Reasons.BOTH_CURTAILED);
        stands(PROPORTIONAL, 98, day);
    }

    function test_one_side_curtailed_stands() public {
        stands(PROPORTIONAL, 0, dayOf(110_000, 5, ONE));
    }

    function test_a_static_level_is_the_pool_and_cannot_tell() public {
        voided(STATIC, 3, dayOf(110_000, LARGEST_POOL + 1, 0), Reasons.LEVEL_RANGE);
        stands(STATIC, 3, dayOf(110_000, LARGEST_POOL, 5));
    }

    function test_prices_and_range() public {
        voided(PROPORTIONAL, 5, dayOf(110_001, M, ONE), Reasons.PRICE_DIFFERS);
        voided(PROPORTIONAL, 5, dayOf(110_000, M, ONE + 1), Reasons.LEVEL_RANGE);
        voided(AUCTION, 5, dayOf(109_999, M, 0), Reasons.PRICE_DIFFERS);
        voided(AUCTION, 5, dayOf(250_001, M, 0), Reasons.PRICE_DIFFERS);
        voided(AUCTION, 5, dayOf(180_000, 7, 7), Reasons.BOTH_CURTAILED);
        stands(AUCTION, 5, dayOf(250_000, 7, ONE));
    }

    function test_result_missing_or_of_wrong_length() public {
        voided(PROPORTIONAL, 5, "", Reasons.RESULT_MISSING);
        voided(PROPORTIONAL, 5, bytes.concat(dayOf(110_000, M, ONE), "x"), Reasons.RESULT_LENGTH);
    }

    /// @dev An honest slot has nothing to be voided for, whoever opens it; any other has.
    function testFuzz_predicate(uint64 level, uint64 giverLevel, bool limited, bool curtailed) public {
        if (!limited) level = M;
        if (!curtailed) giverLevel = ONE;
        giverLevel %= ONE + 1;
        bytes memory day = dayOf(180_000, level, giverLevel);
        if (level != M && giverLevel != ONE) voided(AUCTION, 7, day, Reasons.BOTH_CURTAILED);
        else stands(AUCTION, 7, day);
    }

    function test_refusals() public {
        (Header memory h, ResultOpening memory o) = opened(PROPORTIONAL, dayOf(110_000, 5, 5));
        uint64 sequence = post(h);
        refused(sequence, h, o, PROPORTIONAL, 100, abi.encodeWithSelector(ISettlement.SlotOutOfDay.selector, 100, SLOTS));
        refused(sequence, h, o, PRIVATE, 0, abi.encodeWithSelector(ISettlement.NotPublic.selector, PRIVATE));
        refused(sequence, h, o, 5, 0, abi.encodeWithSelector(ISettlement.NotAParty.selector, MEMBER, 5));
        refused(sequence, h, o, STATIC, 0, abi.encodeWithSelector(BadOpening.selector, 7, 0));
        o.triples[0] ^= 0x01;
        refused(sequence, h, o, PROPORTIONAL, 0, abi.encodeWithSelector(BadOpening.selector, 7, 0));
        o.triples[0] ^= 0x01;
        o.empty = true;
        refused(sequence, h, o, PROPORTIONAL, 0, abi.encodeWithSelector(BadOpening.selector, 7, 0));
        o.empty = false;
        // signed for another agreement, and by another member
        bytes memory other = ask(sequence, h, STATIC);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, MEMBER));
        settlement.refuteLevels(sequence, MEMBER, h, PROPORTIONAL, 0, o, other);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 3));
        settlement.refuteLevels(sequence, 3, h, PROPORTIONAL, 0, o, other);
        vm.warp(block.timestamp + OBJECTION);
        settlement.finalise(sequence, digestOf(sequence, h));
        refused(sequence, h, o, PROPORTIONAL, 0, abi.encodeWithSelector(ISettlement.WrongState.selector, sequence, 3));
    }
}
