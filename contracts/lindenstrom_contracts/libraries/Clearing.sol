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

    /// @dev What the terms say about every slot's triple. Without an auction lowest = highest: the price.
    struct Bounds {
        uint256 key;
        uint256 lowest;
        uint256 highest;
        uint256 maxLevel;
        bool isAuction;
    }

    /// @dev What a member brings into every slot.
    struct Share {
        uint256 cap;
        uint256 share;
        uint256 weight;
        uint256 limit;
        bool takes;
        bool gives;
    }

    /// @dev A day's sums in two words: what is taken in the high, what is given in the low 128 bits; mWh, and mWh · µ€/kWh = p€.
    struct Sums {
        uint256 energy;
        uint256 worth;
    }

    function boundsOf(Terms memory t, uint256 depth) internal pure returns (Bounds memory b) {
        b.key = t.key;
        b.isAuction = t.rule == AUCTION;
        b.lowest = t.rule == MID_MARKET ? (uint256(t.priceA) + t.priceB) / 2 : t.priceA;
        b.highest = b.isAuction ? t.priceB : b.lowest;
        // a static level is the pool: at most 2^depth members with less than 2^32 each
        b.maxLevel = t.key == STATIC ? 1 << (32 + depth) : NOT_LIMITED;
    }

    /// @notice A limit counts within the auction's bounds; without an auction it means nothing.
    function shareOf(Bounds memory b, uint256 cap, uint256 role, uint256 share, uint256 weight, uint256 limit)
        internal
        pure
        returns (Share memory)
    {
        if (limit < b.lowest) limit = b.lowest;
        if (limit > b.highest) limit = b.highest;
        return Share(cap, share, weight, limit, role & 1 != 0, role & 2 != 0);
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

    /// @notice The triple of a slot, packed: price · 2^128 + L · 2^64 + g. The caller has checked that the slot lies in `triples`.
    function tripleAt(bytes calldata triples, uint256 slot) internal pure returns (uint256 triple) {
        assembly ("memory-safe") {
            triple := shr(96, calldataload(add(triples.offset, mul(slot, TRIPLE))))
        }
    }

    /// @notice PRICE_DIFFERS, LEVEL_RANGE or NONE.
    function tripleFault(Bounds memory b, uint256 triple) internal pure returns (uint8) {
        uint256 price = triple >> 128;
        if (price < b.lowest || price > b.highest) return Reasons.PRICE_DIFFERS;
        if (triple & MASK64 > ONE || (triple >> 64) & MASK64 > b.maxLevel) return Reasons.LEVEL_RANGE;
        return Reasons.NONE;
    }

    /// @notice Whether takers and givers are both held back, which the rules never do. A static level cannot tell.
    function bothCurtailed(Bounds memory b, uint256 triple) internal pure returns (bool) {
        return b.key != STATIC && (triple >> 64) & MASK64 != NOT_LIMITED && triple & MASK64 != ONE;
    }

    /// @notice Runs a day's slots: checks each triple and adds up what the member takes and gives.
    /// @param metered Draw in the high, feed-in in the low 128 bits of each slot's word.
    /// @param rest Like metered: what earlier agreements left; reduced by what this one uses.
    /// @return reason PRICE_DIFFERS or LEVEL_RANGE at the first slot with a fault, else NONE.
    function run(Bounds memory b, Share memory own, bytes calldata triples, uint256[] memory metered, uint256[] memory rest)
        internal
        pure
        returns (uint8 reason, Sums memory sums)
    {
        uint256 slots = metered.length;
        for (uint256 slot = 0; slot < slots; slot++) {
            uint256 triple = tripleAt(triples, slot);
            reason = tripleFault(b, triple);
            if (reason != Reasons.NONE) return (reason, sums);
            if (b.isAuction) triple = atLimit(triple, own.limit);
            uint256 used = _used(b.key, own, triple, metered[slot], rest[slot]);
            // SAFETY: nobody takes or gives more than is left; a day's energy is below 2^39, its worth below 2^71
            unchecked {
                rest[slot] -= used;
                sums.energy += used;
                sums.worth += used * (triple >> 128);
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

    /// @dev What one slot takes and gives, packed like `metered` and `left`.
    function _used(uint256 key, Share memory own, uint256 triple, uint256 metered, uint256 left) private pure returns (uint256 used) {
        if (own.takes) {
            uint256 draw = offered(metered >> 128, left >> 128, own.share, own.cap);
            used = taken(key, draw, (triple >> 64) & MASK64, own.weight) << 128;
        }
        if (own.gives) {
            used |= given(offered(metered & MASK128, left & MASK128, own.share, own.cap), triple & MASK64);
        }
    }
}
