// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Settlement} from "../lindenstrom_contracts/Settlement.sol";
import {IAgreements} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Checks} from "../test/Vm.sol";

/// @dev halmos: any state of a contract at all.
interface Svm {
    function enableSymbolicStorage(address target) external;
}

/// @dev Stands in for the registry: every caller is the operator, the auditor's index and the periods are whatever the proof picks.
contract AnyRegistry {
    address public operator;
    uint8 private _index;
    uint32 public objectionPeriod;

    constructor(address theOperator, uint8 index, uint32 period) {
        (operator, _index, objectionPeriod) = (theOperator, index, period);
    }

    function community() external pure returns (bytes32) {
        return bytes32("community");
    }

    function firstWindow() external pure returns (uint32) {
        return 0;
    }

    function closeDelay() external pure returns (uint32) {
        return 36 hours;
    }

    function windowEnd(uint32 window) external pure returns (uint256) {
        return uint256(window) * 86_400;
    }

    function auditorIndex(address) external view returns (uint8) {
        return _index;
    }
}

/// @dev Calls on a settlement in any state whatever, reachable or not: what each call writes into the packed postings, and what it leaves.
contract PostingProofs is Checks {
    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    struct Seen {
        uint32 window;
        uint16 revision;
        uint64 asOf;
        uint64 postedAt;
        uint8 state;
        uint32 attestedBy;
        uint32 contestedBy;
        bytes32 digest;
    }

    function anySettlement(uint8 index, uint32 period) private returns (Settlement settlement) {
        AnyRegistry registry = new AnyRegistry(address(this), index, period);
        settlement = new Settlement(IRegistry(address(registry)), IAgreements(address(0)), IReadingLog(address(0)));
        SVM.enableSymbolicStorage(address(settlement));
    }

    function seen(Settlement settlement, uint64 sequence) private view returns (Seen memory s) {
        (s.window, s.revision, s.asOf, s.postedAt, s.state, s.attestedBy, s.contestedBy, s.digest) = settlement.posting(sequence);
    }

    function same(Seen memory a, Seen memory b) private pure {
        assert(a.window == b.window && a.revision == b.revision && a.asOf == b.asOf && a.postedAt == b.postedAt);
        assert(a.state == b.state && a.attestedBy == b.attestedBy && a.contestedBy == b.contestedBy && a.digest == b.digest);
    }

    function check_post_writes_its_fields_and_no_other_posting(uint64 sequence, uint64 other, Header calldata h, uint64 time) external {
        vm.warp(time);
        if (sequence == other) return;
        Settlement settlement = anySettlement(0, 14 days);
        Seen memory before = seen(settlement, other);
        settlement.post(sequence, h);
        same(before, seen(settlement, other));
        Seen memory now_ = seen(settlement, sequence);
        assert(now_.window == h.window && now_.revision == h.revision && now_.asOf == h.asOf);
        assert(now_.postedAt == uint64(block.timestamp) && now_.state == 1 && now_.attestedBy == 0 && now_.contestedBy == 0);
        assert(settlement.live(h.window) == sequence && settlement.nextSequence() == sequence + 1);
    }

    function check_attest_sets_one_bit(uint64 sequence, uint64 other, bytes32 digest, uint8 index) external {
        if (index >= 32) return;
        Settlement settlement = anySettlement(index, 14 days);
        (Seen memory was, Seen memory otherWas) = (seen(settlement, sequence), seen(settlement, other));
        settlement.attest(sequence, digest);
        Seen memory after_ = seen(settlement, sequence);
        assert(was.state != 2 && was.attestedBy & (uint32(1) << index) == 0);
        assert(after_.attestedBy == was.attestedBy | (uint32(1) << index));
        after_.attestedBy = was.attestedBy;
        same(was, after_);
        if (other != sequence) same(otherWas, seen(settlement, other));
    }

    function check_an_auditor_voids_only_what_is_posted(uint64 sequence, uint64 other, bytes32 digest, uint8 index) external {
        if (index >= 32) return;
        Settlement settlement = anySettlement(index, 14 days);
        (Seen memory was, Seen memory otherWas) = (seen(settlement, sequence), seen(settlement, other));
        settlement.voidByAuditor(sequence, digest);
        Seen memory after_ = seen(settlement, sequence);
        assert(was.state == 1 && after_.state == 2 && was.digest == digest);
        after_.state = 1;
        same(was, after_);
        assert(settlement.live(was.window) == settlement.newestFinal(was.window));
        if (other != sequence) same(otherWas, seen(settlement, other));
    }

    function check_final_only_from_posted_and_in_time(uint64 sequence, uint64 other, bytes32 digest, uint32 period, uint64 time) external {
        vm.warp(time);
        Settlement settlement = anySettlement(0, period);
        (Seen memory was, Seen memory otherWas) = (seen(settlement, sequence), seen(settlement, other));
        (uint32 open, uint64 lastAnswerAt) = settlement.demands(sequence);
        settlement.finalise(sequence, digest);
        Seen memory after_ = seen(settlement, sequence);
        assert(was.state == 1 && after_.state == 3 && was.digest == digest && open == 0);
        assert(block.timestamp >= uint256(was.postedAt) + period && block.timestamp >= uint256(lastAnswerAt) + 24 hours);
        after_.state = 1;
        same(was, after_);
        assert(settlement.newestFinal(was.window) == sequence);
        if (other != sequence) same(otherWas, seen(settlement, other));
    }
}
