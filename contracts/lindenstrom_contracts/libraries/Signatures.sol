// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReaderKey} from "../interfaces/IRegistry.sol";

/// @title Signatures over EIP-712 digests
/// @notice A signature proves consent; it never serves as an identifier, so malleability does not matter. On secp256k1 high s is refused all the
/// same; on P-256 it counts, because hardware keys make it.
library Signatures {
    uint8 internal constant SECP256K1 = 1;
    uint8 internal constant P256 = 2;

    bytes4 private constant EIP1271 = 0x1626ba7e;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev P256VERIFY of RIP-7212 and EIP-7951.
    address private constant P256_VERIFY = address(0x100);
    uint256 private constant P256_PRIME = 0xFFFFFFFF00000001000000000000000000000000FFFFFFFFFFFFFFFFFFFFFFFF;
    uint256 private constant P256_B = 0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B;
    /// @dev The public key of the private key keccak256("Lindenstrom"), and its signature over that hash: to ask a chain whether it knows the curve.
    uint256 private constant PROBE_X = 0x1CC0732D1F90A2ABD177720B8F664D498C53E169B919D3EC6F73F0DE2D993108;
    uint256 private constant PROBE_Y = 0x1029619A8D4DB902F14199321F2C3E436814F7169F7CB2A4CF30E29DADE3204A;
    uint256 private constant PROBE_R = 0xA2206EE9D49D85FC531E05C1EF6D1CBA14C80A2916A258ADA53AE80ABB7C0F43;
    uint256 private constant PROBE_S = 0x10856A227FE95CECB804E84393832CFACBBCB5C52A9CF4C68C3C3098EE815E84;

    function digest(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 2), domainSeparator)
            mstore(add(free, 34), structHash)
            hash := keccak256(free, 66)
        }
    }

    /// @notice Whether a reader's key signed: 65 bytes as in `signer` on secp256k1, r ‖ s of 64 bytes on P-256.
    function isByKey(ReaderKey memory key, bytes32 hash, bytes calldata signature) internal view returns (bool) {
        if (key.curve == SECP256K1) {
            address found = signer(hash, signature);
            return found != address(0) && bytes32(uint256(uint160(found))) == key.keyA;
        }
        return signature.length == 64 && isP256(hash, bytes32(signature[:32]), bytes32(signature[32:64]), key.keyA, key.keyB);
    }

    /// @notice The secp256k1 signer of `hash`, or zero, from r ‖ yParityAndS (EIP-2098); low s only.
    function compactSigner(bytes32 hash, bytes32 r, bytes32 vs) internal view returns (address found) {
        uint256 s = uint256(vs) & (type(uint256).max >> 1);
        if (s > HALF_ORDER) return address(0);
        // SAFETY: four words behind the free memory; where nobody is found the precompile returns nothing, and the target was zeroed
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hash)
            mstore(add(free, 32), add(27, shr(255, vs)))
            mstore(add(free, 64), r)
            mstore(add(free, 96), s)
            mstore(0, 0)
            pop(staticcall(gas(), 1, free, 128, 0, 32))
            found := mload(0)
        }
    }

    /// @notice Whether the precompile says so: exactly the 32-byte number 1. Where there is none, the call "succeeds" without an answer.
    function isP256(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool) {
        (bool ok, bytes memory answer) = P256_VERIFY.staticcall(abi.encode(hash, r, s, x, y));
        return ok && answer.length == 32 && bytes32(answer) == bytes32(uint256(1));
    }

    /// @notice Whether the chain verifies P-256: it accepts a good signature and refuses the same over another hash.
    function hasP256() internal view returns (bool) {
        (bytes32 r, bytes32 s, bytes32 x, bytes32 y) = (bytes32(PROBE_R), bytes32(PROBE_S), bytes32(PROBE_X), bytes32(PROBE_Y));
        return isP256(keccak256("Lindenstrom"), r, s, x, y) && !isP256(keccak256("another"), r, s, x, y);
    }

    /// @notice Whether (x, y) is a point of P-256.
    function onP256(bytes32 keyA, bytes32 keyB) internal pure returns (bool) {
        (uint256 x, uint256 y, uint256 p) = (uint256(keyA), uint256(keyB), P256_PRIME);
        if (x >= p || y >= p) return false;
        return mulmod(y, y, p) == addmod(mulmod(addmod(mulmod(x, x, p), p - 3, p), x, p), P256_B, p);
    }

    /// @notice The secp256k1 signer of `hash`, or zero. Only r ‖ s ‖ v of 65 bytes, v 27 or 28, low s.
    function signer(bytes32 hash, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        bytes32 r;
        bytes32 s;
        uint8 v;
        assembly ("memory-safe") {
            r := calldataload(signature.offset)
            s := calldataload(add(signature.offset, 32))
            v := byte(0, calldataload(add(signature.offset, 64)))
        }
        return uint256(s) > HALF_ORDER ? address(0) : ecrecover(hash, v, r, s);
    }

    /// @notice Whether `account` signed: ECDSA first, so that accounts with delegated code keep their key, then EIP-1271.
    function isBy(address account, bytes32 hash, bytes calldata signature) internal view returns (bool) {
        if (account == address(0)) return false;
        if (signer(hash, signature) == account) return true;
        if (account.code.length == 0) return false;
        (bool ok, bytes memory answer) = account.staticcall(abi.encodeWithSelector(EIP1271, hash, signature));
        return ok && answer.length >= 32 && abi.decode(answer, (bytes32)) == bytes32(EIP1271);
    }
}
