// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Signatures over EIP-712 digests
/// @notice A signature proves consent; it never serves as an identifier, so malleability does not matter. High s is refused all the same.
library Signatures {
    bytes4 private constant EIP1271 = 0x1626ba7e;
    uint256 private constant HALF_ORDER = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    function digest(bytes32 domainSeparator, bytes32 structHash) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, hex"1901")
            mstore(add(free, 2), domainSeparator)
            mstore(add(free, 34), structHash)
            hash := keccak256(free, 66)
        }
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
