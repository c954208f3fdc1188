// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Pack} from "../lindenstrom_contracts/libraries/Pack.sol";
import {Signatures} from "../lindenstrom_contracts/libraries/Signatures.sol";

/// @dev The format check on packs of two slots: every byte is symbolic. What passes is what the format says.
contract PackProofs {
    uint256 private constant SLOTS = 2;
    uint256 private constant SIZE = 168 + 9 * SLOTS;

    function take(bytes calldata pack, Pack.Expected memory e) external pure returns (uint256 fault, uint256[] memory metered) {
        metered = new uint256[](SLOTS);
        fault = Pack.take(pack, e, metered);
    }

    function field(bytes memory pack, uint256 offset, uint256 size) private pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(mul(8, sub(32, size)), mload(add(add(pack, 32), offset)))
        }
    }

    function fit(bytes32[6] memory words, Pack.Expected memory e) private view returns (bool, bytes memory pack, uint256[] memory metered) {
        pack = abi.encodePacked(words[0], words[1], words[2], words[3], words[4], bytes26(words[5]));
        uint256 fault;
        (fault, metered) = this.take(pack, e);
        return (fault == Pack.FIT, pack, metered);
    }

    function check_a_fit_pack_names_its_place(bytes32[6] memory words, bytes32 community, bytes32 meter, uint32 window, uint16 revision)
        external
        view
    {
        (bool fits, bytes memory pack,) = fit(words, Pack.Expected(community, meter, window, revision));
        if (!fits) return;
        assert(pack.length == SIZE && field(pack, 0, 1) == 0x10);
        assert(field(pack, 1, 32) == uint256(community) && field(pack, 33, 32) == uint256(meter));
        assert(field(pack, 65, 4) == window && field(pack, 69, 2) == revision);
        assert(field(pack, 168, 1) <= 3 && field(pack, 169, 1) <= 3);
        assert(field(pack, 103, 1) == 255 || field(pack, 103, 1) < SLOTS);
    }

    function check_registers_of_a_fit_pack_add_up(bytes32[6] memory words, bytes32 community, bytes32 meter) external view {
        (bool fits, bytes memory pack, uint256[] memory metered) = fit(words, Pack.Expected(community, meter, 20_751, 0));
        if (!fits) return;
        uint256 imported = field(pack, 170, 4) + field(pack, 178, 4);
        uint256 exported = field(pack, 174, 4) + field(pack, 182, 4);
        assert((metered[0] >> 128) + (metered[1] >> 128) == imported);
        assert(uint128(metered[0]) + uint128(metered[1]) == exported);
        if (field(pack, 103, 1) != 255) return;
        assert(field(pack, 104, 8) + imported == field(pack, 120, 8));
        assert(field(pack, 112, 8) + exported == field(pack, 128, 8));
        assert(field(pack, 136, 32) == 0);
    }
}

/// @dev Which signatures are looked at, at all.
contract SignatureProofs {
    uint256 private constant ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    function signer(bytes32 hash, bytes calldata signature) external pure returns (address) {
        return Signatures.signer(hash, signature);
    }

    function check_high_s_signs_nothing(bytes32 hash, bytes32 r, uint256 s, uint8 v) external view {
        if (s <= ORDER / 2) return;
        assert(this.signer(hash, abi.encodePacked(r, s, v)) == address(0));
    }

    function check_other_lengths_sign_nothing(bytes32 hash, bytes32 r, bytes32 s, uint16 more) external view {
        assert(this.signer(hash, abi.encodePacked(r, s)) == address(0));
        assert(this.signer(hash, abi.encodePacked(r, s, more)) == address(0));
    }
}
