// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Tree} from "../lindenstrom_contracts/libraries/Tree.sol";

/// @dev A proof fixes what stands at a position. Symbolic: root, leaves, index, siblings; keccak is taken for injective. Every
/// position of the trees of depths 1 to 3.
contract TreeProofs {
    function holds(bytes32 root, uint256 depth, bytes32 leaf, uint256 index, bytes32[] calldata proof) external pure returns (bool) {
        return Tree.holds(root, depth, leaf, index, proof);
    }

    function rootOf(bytes32 leaf, uint256 index, bytes32[] calldata proof) external pure returns (bytes32) {
        return Tree.root(leaf, index, proof);
    }

    function check_one_leaf_at_a_position(bytes32 root, uint8 choice, bytes32[4] memory words, bytes32[4] memory others) external view {
        // one concrete position a path: the places in memory depend on it
        for (uint256 depth = 1; depth <= 3; depth++) {
            for (uint256 index = 0; index < 1 << depth; index++) {
                if (choice != 16 * depth + index) continue;
                oneLeaf(root, depth, index, words, others);
                return;
            }
        }
    }

    function oneLeaf(bytes32 root, uint256 depth, uint256 index, bytes32[4] memory words, bytes32[4] memory others) private view {
        (bytes32[] memory proof, bytes32[] memory other) = (new bytes32[](depth), new bytes32[](depth));
        for (uint256 h = 0; h < depth; h++) {
            (proof[h], other[h]) = (words[h], others[h]);
        }
        if (!this.holds(root, depth, words[3], index, proof)) return;
        if (!this.holds(root, depth, others[3], index, other)) return;
        assert(words[3] == others[3]);
        for (uint256 h = 0; h < depth; h++) {
            assert(proof[h] == other[h]);
        }
    }

    function check_nothing_stands_outside_the_tree(bytes32 root, bytes32 leaf, uint256 index, bytes32[3] memory words) external view {
        bytes32[] memory proof = new bytes32[](3);
        (proof[0], proof[1], proof[2]) = (words[0], words[1], words[2]);
        if (index >= 8) assert(!this.holds(root, 3, leaf, index, proof));
    }

    function check_a_proof_has_the_depth(bytes32 root, bytes32 leaf, uint256 index, bytes32[3] memory words) external view {
        bytes32[] memory proof = new bytes32[](3);
        (proof[0], proof[1], proof[2]) = (words[0], words[1], words[2]);
        assert(!this.holds(root, 2, leaf, index, proof) && !this.holds(root, 4, leaf, index, proof));
    }

    function check_fold_is_the_root_that_proofs_lead_to(bytes32[4] memory leaves) external view {
        bytes32[] memory row = new bytes32[](5);
        (row[0], row[1], row[2], row[3]) = (leaves[0], leaves[1], leaves[2], leaves[3]);
        bytes32 root = Tree.fold(row, 4);
        for (uint256 index = 0; index < 4; index++) {
            bytes32[] memory proof = new bytes32[](2);
            proof[0] = leaves[index ^ 1];
            proof[1] = index < 2 ? Tree.node(leaves[2], leaves[3]) : Tree.node(leaves[0], leaves[1]);
            assert(this.rootOf(leaves[index], index, proof) == root);
        }
    }

    function check_fold_pads_with_empty(bytes32[3] memory leaves) external pure {
        bytes32[] memory row = new bytes32[](4);
        (row[0], row[1], row[2], row[3]) = (leaves[0], leaves[1], leaves[2], bytes32("rubbish"));
        assert(Tree.fold(row, 3) == Tree.node(Tree.node(leaves[0], leaves[1]), Tree.node(leaves[2], 0)));
    }
}
