// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Positional Merkle trees
/// @notice node = keccak(0x01 ‖ left ‖ right); an empty leaf is 32 zero bytes; a proof lists the siblings from leaf to root; bit h of the index
/// tells the side at level h. Leaves have other tags than 0x01, so a node never passes for a leaf.
library Tree {
    bytes32 internal constant EMPTY = bytes32(0);

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            mstore(add(free, 1), left)
            mstore(add(free, 33), right)
            hash := keccak256(free, 65)
        }
    }

    /// @notice The root that `leaf` at `index` gives under `proof`. The caller checks the proof's length and that the index fits it.
    function root(bytes32 leaf, uint256 index, bytes32[] calldata proof) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 1)
            hash := leaf
            let end := add(proof.offset, shl(5, proof.length))
            for { let p := proof.offset } lt(p, end) { p := add(p, 32) } {
                // the running hash goes right where the index bit is set
                let side := shl(5, and(index, 1))
                mstore(add(free, add(1, side)), hash)
                mstore(add(free, sub(33, side)), calldataload(p))
                hash := keccak256(free, 65)
                index := shr(1, index)
            }
        }
    }

    /// @notice Whether `leaf` stands at `index` of the tree of `depth` levels under `expected`.
    function holds(bytes32 expected, uint256 depth, bytes32 leaf, uint256 index, bytes32[] calldata proof) internal pure returns (bool) {
        return proof.length == depth && index >> depth == 0 && root(leaf, index, proof) == expected;
    }

    /// @notice Root over the first `count` leaves, padded with EMPTY to the next power of two. Overwrites `leaves`, which has room for
    /// `count` + 1: an odd row is padded behind its end.
    function fold(bytes32[] memory leaves, uint256 count) internal pure returns (bytes32) {
        bytes32 pad = EMPTY;
        while (count > 1) {
            if (count % 2 == 1) leaves[count++] = pad;
            // SAFETY: reads `count` words of the array, writes half of them, each after it was read
            assembly ("memory-safe") {
                let free := mload(0x40)
                mstore8(free, 1)
                let target := add(leaves, 32)
                let source := target
                for { let end := add(source, shl(5, count)) } lt(source, end) { source := add(source, 64) } {
                    mstore(add(free, 1), mload(source))
                    mstore(add(free, 33), mload(add(source, 32)))
                    mstore(target, keccak256(free, 65))
                    target := add(target, 32)
                }
            }
            pad = node(pad, pad);
            count /= 2;
        }
        return leaves[0];
    }
}
