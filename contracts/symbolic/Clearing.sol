// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Clearing} from "../lindenstrom_contracts/libraries/Clearing.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";

/// @dev What a member takes and gives, for all offers, levels and weights, and for numbers that are no key as well.
contract ClearingProofs {
    uint64 private constant MASK48 = (1 << 48) - 1;

    function check_nobody_takes_more_than_offered(uint8 key, uint32 draw, uint64 level, uint32 weight) external pure {
        assert(Clearing.taken(key, draw, level, weight) <= draw);
    }

    function check_not_limited_takes_all(uint32 draw, uint32 weight) external pure {
        uint64 most = type(uint64).max;
        assert(Clearing.taken(0, draw, most, weight) == draw);
        if (weight > 0) assert(Clearing.taken(2, draw, most, weight) == draw);
        assert(Clearing.taken(3, draw, most, weight) == draw);
        if (weight <= type(uint16).max) assert(Clearing.taken(4, draw, most, weight) == draw);
    }

    function check_level_zero_takes_nothing(uint8 key, uint32 draw, uint32 weight) external pure {
        assert(Clearing.taken(key, draw, 0, weight) == 0);
    }

    /// @dev The library multiplies unchecked; Solidity's own arithmetic, which reverts on overflow, gives the same.
    function check_taken_is_the_rule(uint32 draw, uint64 level, uint32 weight) external pure {
        (uint256 c, uint256 l, uint256 k) = (draw, level, weight);
        assert(Clearing.taken(0, c, l, k) == least(c, (c * l) >> 32));
        assert(Clearing.taken(2, c, l, k) == least(c, (k * l) >> 32));
        assert(Clearing.taken(3, c, l, k) == least(c, l >> 32));
        uint256 rank = l >> 48;
        uint256 atRank = least(c, (c * (l & MASK48)) >> 32);
        assert(Clearing.taken(4, c, l, k) == (k < rank ? c : k > rank ? 0 : atRank));
    }

    function check_static_is_the_rule(uint32 draw, uint64 level, uint32 weight) external pure {
        assert(Clearing.taken(1, draw, level, weight) == least(draw, (uint256(weight) * level) / 1_000_000));
    }

    function check_equal_grows_with_the_level(uint32 draw, uint64 level, uint64 more, uint32 weight) external pure {
        if (more < level) return;
        assert(Clearing.taken(3, draw, level, weight) <= Clearing.taken(3, draw, more, weight));
    }

    function check_ranks_before_the_level_are_served(uint32 draw, uint64 level, uint64 more, uint16 weight) external pure {
        if (level >> 48 >= more >> 48) return;
        assert(Clearing.taken(4, draw, level, weight) <= Clearing.taken(4, draw, more, weight));
    }

    /// @dev And F·g ≤ F·2³² for g ≤ 2³², so nobody gives more than offered.
    function check_given_is_the_rule(uint32 feed, uint64 level) external pure {
        if (level > Clearing.ONE) return;
        assert(Clearing.given(feed, level) == (uint256(feed) * level) >> 32);
    }

    function check_given_at_both_ends(uint32 feed) external pure {
        assert(Clearing.given(feed, Clearing.ONE) == feed && Clearing.given(feed, 0) == 0);
    }

    function check_an_offer_is_within_rest_and_cap(uint40 metered, uint40 rest, uint32 share, uint32 cap) external pure {
        uint256 amount = Clearing.offered(metered, rest, share, cap);
        assert(amount <= rest && amount <= cap);
    }

    function check_an_auction_slot_is_whole_or_by_level_or_nothing(uint160 triple, uint32 limit) external pure {
        uint256 own = Clearing.atLimit(triple, limit);
        uint256 price = triple >> 128;
        assert(own >> 128 == price);
        (uint256 level, uint256 giver) = (uint64(own >> 64), uint64(own));
        if (limit == price) assert(own == triple);
        if (limit > price) assert(level == type(uint64).max && giver == 0);
        if (limit < price) assert(level == 0 && giver == Clearing.ONE);
    }

    function fault(Terms memory t, bytes calldata triple) external pure returns (uint8) {
        return Clearing.tripleFault(t, 12, triple);
    }

    function check_a_fair_triple_is_in_range_and_curtails_one_side(Terms memory t, uint32 price, uint64 level, uint64 giver) external view {
        // no such auction can be offered
        if (t.rule == 2 && t.priceA > t.priceB) return;
        uint8 reason = this.fault(t, abi.encodePacked(price, level, giver));
        (uint256 lowest, uint256 highest) = (t.priceA, t.rule == 2 ? t.priceB : t.priceA);
        if (t.rule == 1) lowest = highest = (uint256(t.priceA) + t.priceB) / 2;
        if (price < lowest || price > highest) {
            assert(reason == Reasons.PRICE_DIFFERS);
        } else if (giver > 1 << 32 || (t.key == 1 && level > 1 << 44)) {
            assert(reason == Reasons.LEVEL_RANGE);
        } else if (t.key != 1 && level != type(uint64).max && giver != 1 << 32) {
            assert(reason == Reasons.BOTH_CURTAILED);
        } else {
            assert(reason == Reasons.NONE);
        }
    }

    function least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }
}
