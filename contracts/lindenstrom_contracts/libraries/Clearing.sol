// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../interfaces/IAgreements.sol";
import {Reasons} from "./Reasons.sol";

/// @title A member's part of an agreement's day
/// @notice A slot's triple (price, taker level L, giver level g) is shared by all parties; what a member takes and gives follows from the
/// member's own offer and the triple alone. Integers throughout; every division rounds down.
library Clearing {
    uint256 internal constant ONE = 1 << 32;
    uint256 internal constant TRIPLE = 20;
    uint256 private constant PPM = 1_000_000;
    uint256 private constant MASK64 = 0xFFFFFFFFFFFFFFFF;
    uint256 private constant MASK128 = (1 << 128) - 1;
    uint8 private constant STATIC = 1;
    uint8 private constant MID_MARKET = 1;

    /// @dev All that is the same in every slot.
    struct Rule {
        uint256 price;
        uint256 maxLevel;
        uint256 cap;
        uint256 share;
        uint256 weight;
        bool isStatic;
        bool takes;
        bool gives;
    }

    /// @notice The price that the terms fix, µ€/kWh.
    function priceOf(Terms memory t) internal pure returns (uint256) {
        return t.rule == MID_MARKET ? (uint256(t.priceA) + t.priceB) / 2 : t.priceA;
    }

    function ruleOf(Terms memory t, uint256 role, uint256 weight, uint256 share, uint256 depth) internal pure returns (Rule memory) {
        bool isStatic = t.key == STATIC;
        return Rule({
            price: priceOf(t),
            // a static level is the pool: at most 2^depth members with less than 2^32 each
            maxLevel: isStatic ? 1 << (32 + depth) : MASK64,
            cap: t.cap,
            share: share,
            weight: weight,
            isStatic: isStatic,
            takes: role & 1 != 0,
            gives: role & 2 != 0
        });
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

    /// @notice static: min(C, k·L // 10⁶); proportional: min(C, C·L >> 32).
    function taken(uint256 draw, uint256 level, uint256 weight, bool isStatic) internal pure returns (uint256 amount) {
        // SAFETY: draw and weight < 2^32, level < 2^64
        unchecked {
            amount = isStatic ? weight * level / PPM : draw * level >> 32;
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

    /// @notice Runs a day's slots: checks each triple and adds up what the member takes and gives.
    /// @param metered Draw in the high, feed-in in the low 128 bits of each slot's word.
    /// @param rest Like metered: what earlier agreements left; reduced by what this one uses.
    /// @return reason PRICE_DIFFERS or LEVEL_RANGE at the first slot with a fault, else NONE.
    /// @return sums What the day takes in the high, what it gives in the low 128 bits.
    function run(Rule memory r, bytes calldata triples, uint256[] memory metered, uint256[] memory rest)
        internal
        pure
        returns (uint8 reason, uint256 sums)
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
            if (triple >> 128 != r.price) return (Reasons.PRICE_DIFFERS, 0);
            if (triple & MASK64 > ONE || (triple >> 64) & MASK64 > r.maxLevel) return (Reasons.LEVEL_RANGE, 0);
            // SAFETY: nobody takes or gives more than is left; a day's sums are below 2^39
            unchecked {
                uint256 used = _used(r, triple, own, left);
                left -= used;
                sums += used;
            }
            assembly ("memory-safe") {
                mstore(add(rest, at32), left)
            }
        }
    }

    /// @dev What one slot takes and gives, packed like `own` and `left`.
    function _used(Rule memory r, uint256 triple, uint256 own, uint256 left) private pure returns (uint256 used) {
        if (r.takes) {
            uint256 draw = offered(own >> 128, left >> 128, r.share, r.cap);
            used = taken(draw, (triple >> 64) & MASK64, r.weight, r.isStatic) << 128;
        }
        if (r.gives) {
            used |= given(offered(own & MASK128, left & MASK128, r.share, r.cap), triple & MASK64);
        }
    }
}
