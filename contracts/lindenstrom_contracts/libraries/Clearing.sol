// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../interfaces/IAgreements.sol";
import {Reasons} from "./Reasons.sol";

/// @title A member's part of an agreement's day
/// @notice A slot's triple (price, taker level L, giver level g) is shared by all parties; what a member takes and gives follows from the
/// member's own offer and the triple alone. Integers throughout; every division rounds down. Total for every value that fits its field.
library Clearing {
    uint256 internal constant ONE = 1 << 32;
    uint256 internal constant NOT_LIMITED = 0xFFFFFFFFFFFFFFFF;
    uint256 internal constant TRIPLE = 20;
    uint256 private constant PPM = 1_000_000;
    uint256 private constant MASK48 = 0xFFFFFFFFFFFF;
    uint256 private constant MASK64 = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant MASK128 = (1 << 128) - 1;

    uint256 internal constant PROPORTIONAL = 0;
    uint256 internal constant STATIC = 1;
    uint256 internal constant CASCADING = 2;
    uint256 internal constant EQUAL = 3;
    uint256 internal constant PRIORITY = 4;
    uint256 private constant MID_MARKET = 1;
    uint256 private constant AUCTION = 2;

    /// @dev All that is the same in every slot: what the terms say about triples (without an auction lowest = highest, the price), and what the
    /// member brings.
    struct Rule {
        uint256 key;
        uint256 lowest;
        uint256 highest;
        uint256 maxLevel;
        bool isAuction;
        uint256 cap;
        bool takes;
        bool gives;
        uint256 share;
        uint256 weight;
        uint256 limit;
    }

    /// @notice The terms' part of the rule, enough to judge a triple.
    function ruleOf(Terms memory t, uint256 depth) internal pure returns (Rule memory r) {
        r.key = t.key;
        r.isAuction = t.rule == AUCTION;
        r.lowest = t.rule == MID_MARKET ? (uint256(t.priceA) + t.priceB) / 2 : t.priceA;
        r.highest = r.isAuction ? t.priceB : r.lowest;
        // a static level is the pool: at most 2^depth members with less than 2^32 each
        r.maxLevel = t.key == STATIC ? 1 << (32 + depth) : NOT_LIMITED;
        r.cap = t.cap;
    }

    /// @notice Completes the rule for a member. A limit is brought between an auction's bounds; otherwise it means nothing.
    function addMember(Rule memory r, uint256 role, uint256 share, uint256 weight, uint256 limit) internal pure {
        (r.takes, r.gives) = (role & 1 != 0, role & 2 != 0);
        (r.share, r.weight) = (share, weight);
        r.limit = limit < r.lowest ? r.lowest : limit > r.highest ? r.highest : limit;
    }

    /// @notice min(rest, ⌊metered · share / 10⁶⌋, cap), mWh.
    function offered(uint256 metered, uint256 rest, uint256 share, uint256 cap) internal pure returns (uint256 amount) {
        // SAFETY: metered < 2^34 and share < 2^32
        unchecked {
            amount = metered * share / PPM;
        }
        if (rest < amount) amount = rest;
        if (cap < amount) amount = cap;
    }

    /// @notice proportional min(C, C·L >> 32) · static min(C, k·L // 10⁶) · cascading min(C, k·L >> 32) · equal: cascading with k = 1 ·
    /// priority, of rank k: C if k < L >> 48, 0 if k > L >> 48, else min(C, C·(L mod 2⁴⁸) >> 32).
    function taken(uint256 key, uint256 draw, uint256 level, uint256 weight) internal pure returns (uint256 amount) {
        // SAFETY: draw and weight < 2^32, level < 2^64: products below 2^96
        unchecked {
            if (key == PROPORTIONAL) {
                amount = draw * level >> 32;
            } else if (key == STATIC) {
                amount = weight * level / PPM;
            } else if (key == CASCADING) {
                amount = weight * level >> 32;
            } else if (key == EQUAL) {
                amount = level >> 32;
            } else {
                uint256 rank = level >> 48;
                if (weight != rank) return weight < rank ? draw : 0;
                amount = draw * (level & MASK48) >> 32;
            }
        }
        if (draw < amount) amount = draw;
    }

    /// @notice F·g >> 32.
    function given(uint256 feed, uint256 level) internal pure returns (uint256) {
        // SAFETY: feed < 2^32, level ≤ 2^32
        unchecked {
            return feed * level >> 32;
        }
    }

    /// @notice PRICE_DIFFERS, LEVEL_RANGE or BOTH_CURTAILED for a slot of which nothing but its triple is known, else NONE.
    /// @dev The rules never hold back takers and givers at once; but a static level is the pool, and cannot tell.
    /// @param triple price u32 ‖ L u64 ‖ g u64.
    function tripleFault(Terms memory t, uint256 depth, bytes calldata triple) internal pure returns (uint8 reason) {
        // run for a member without a role and without energy
        (reason,,) = run(ruleOf(t, depth), triple, new uint256[](1), new uint256[](1));
        if (reason != Reasons.NONE || t.key == STATIC) return reason;
        uint160 numbers = uint160(bytes20(triple));
        bool both = uint64(numbers >> 64) != NOT_LIMITED && uint64(numbers) != ONE;
        return both ? Reasons.BOTH_CURTAILED : Reasons.NONE;
    }

    /// @notice Runs a day's slots: checks each triple and adds up what the member takes and gives.
    /// @param metered Draw in the high, feed-in in the low 128 bits of each slot's word.
    /// @param rest Like metered: what earlier agreements left; reduced by what this one uses.
    /// @return reason PRICE_DIFFERS or LEVEL_RANGE at the first slot with a fault, else NONE.
    /// @return energy What the day takes in the high, what it gives in the low 128 bits, mWh.
    /// @return worth The same, each slot's energy times its price, p€.
    function run(Rule memory r, bytes calldata triples, uint256[] memory metered, uint256[] memory rest)
        internal
        pure
        returns (uint8 reason, uint256 energy, uint256 worth)
    {
        uint256 end = metered.length * 32;
        for (uint256 at32 = 0; at32 < end;) {
            uint256 triple;
            uint256 own;
            uint256 left;
            // SAFETY: at32 stays within both arrays, which have the same length; triples holds 20 bytes for each of their words
            assembly ("memory-safe") {
                triple := shr(96, calldataload(add(triples.offset, mul(shr(5, at32), TRIPLE))))
                at32 := add(at32, 32)
                own := mload(add(metered, at32))
                left := mload(add(rest, at32))
            }
            // without an auction one comparison tells
            if (triple >> 128 != r.lowest && (triple >> 128 < r.lowest || triple >> 128 > r.highest)) return (Reasons.PRICE_DIFFERS, 0, 0);
            if (triple & MASK64 > ONE || (triple >> 64) & MASK64 > r.maxLevel) return (Reasons.LEVEL_RANGE, 0, 0);
            if (r.isAuction) triple = atLimit(triple, r.limit);
            uint256 used = _used(r, triple, own, left);
            // SAFETY: nobody takes or gives more than is left; a day's energy is below 2^39, its worth below 2^71
            assembly ("memory-safe") {
                mstore(add(rest, at32), sub(left, used))
                energy := add(energy, used)
                worth := add(worth, mul(used, shr(128, triple)))
            }
        }
    }

    /// @notice The triple as it is for a member of an auction with this limit. Levels are for those whose limit is the price. A taker who
    /// would pay more takes all it offers, a giver who asks less gives all; who would pay less takes nothing, who asks more gives nothing.
    function atLimit(uint256 triple, uint256 limit) internal pure returns (uint256) {
        uint256 price = triple >> 128;
        if (limit == price) return triple;
        return price << 128 | (limit > price ? NOT_LIMITED << 64 : ONE);
    }

    /// @dev What one slot takes and gives, packed like `own` and `left`.
    function _used(Rule memory r, uint256 triple, uint256 own, uint256 left) private pure returns (uint256 used) {
        if (r.takes) {
            uint256 draw = offered(own >> 128, left >> 128, r.share, r.cap);
            used = taken(r.key, draw, (triple >> 64) & MASK64, r.weight) << 128;
        }
        if (r.gives) {
            used |= given(offered(own & MASK128, left & MASK128, r.share, r.cap), triple & MASK64);
        }
    }
}
