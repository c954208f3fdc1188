// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title One meter's window, as its reader packed it
/// @notice 0x10 ‖ community b32 ‖ meter b32 ‖ window u32 ‖ revision u16 ‖ salt b32 ‖ breakSlot u8 ‖ eight registers u64 (start, end, old end,
/// new start; import before export) ‖ n × status u8 ‖ n × (import u32 ‖ export u32). 168 + 9n bytes, energy in mWh.
library Pack {
    uint256 private constant HEADER = 168;
    uint256 private constant NO_BREAK = 255;
    /// @dev Statuses go up to 3; this bit pattern in every byte tells the others.
    uint256 private constant UNKNOWN_STATUS = type(uint256).max / 0xFF * 0xFC;
    uint256 private constant MASK32 = 0xFFFFFFFF;

    // Faults, in the order in which they are looked for.
    uint256 internal constant FIT = 0;
    uint256 internal constant LENGTH = 1;
    uint256 internal constant TAG = 2;
    uint256 internal constant COMMUNITY = 3;
    uint256 internal constant METER = 4;
    uint256 internal constant WINDOW = 5;
    uint256 internal constant REVISION = 6;
    uint256 internal constant STATUS = 7;
    uint256 internal constant BREAK_SLOT = 8;
    uint256 internal constant REGISTERS = 9;

    struct Expected {
        bytes32 community;
        bytes32 meter;
        uint32 window;
        uint16 revision;
    }

    /// @notice The first fault of `pack`, or FIT.
    /// @param metered One word per slot: import in the high, export in the low 128 bits. The pack's values are added; with a fault, what is
    /// added is of no use.
    function take(bytes calldata pack, Expected memory e, uint256[] memory metered) internal pure returns (uint256) {
        uint256 n = metered.length;
        if (pack.length != HEADER + 9 * n) return LENGTH;
        if (pack[0] != 0x10) return TAG;
        if (_word(pack, 1) != uint256(e.community)) return COMMUNITY;
        if (_word(pack, 33) != uint256(e.meter)) return METER;
        if (_word(pack, 65) >> 224 != e.window) return WINDOW;
        if (_word(pack, 69) >> 240 != e.revision) return REVISION;
        if (!_statusesKnown(pack, n)) return STATUS;
        uint256 breakSlot = _word(pack, 103) >> 248;
        if (breakSlot != NO_BREAK && breakSlot >= n) return BREAK_SLOT;
        (uint256 imported, uint256 exported) = _addValues(pack, metered);
        bool broken = breakSlot != NO_BREAK;
        if (!_registersFit(pack, broken, 104, imported)) return REGISTERS;
        if (!_registersFit(pack, broken, 112, exported)) return REGISTERS;
        return FIT;
    }

    /// @dev `offset` is that of the start register; end, old end and new start follow 16 bytes apart.
    function _registersFit(bytes calldata pack, bool broken, uint256 offset, uint256 sum) private pure returns (bool) {
        uint256 start = _word(pack, offset) >> 192;
        uint256 end = _word(pack, offset + 16) >> 192;
        uint256 oldEnd = _word(pack, offset + 32) >> 192;
        uint256 newStart = _word(pack, offset + 48) >> 192;
        if (!broken) return oldEnd == 0 && newStart == 0 && start + sum == end;
        return oldEnd >= start && end >= newStart && sum == (oldEnd - start) + (end - newStart);
    }

    function _statusesKnown(bytes calldata pack, uint256 n) private pure returns (bool) {
        // 32 statuses at a time; the last word is shifted so that what follows the statuses falls out
        for (uint256 i = 0; i < n; i += 32) {
            uint256 statuses = _word(pack, HEADER + i);
            if (n - i < 32) statuses >>= 8 * (32 - (n - i));
            if (statuses & UNKNOWN_STATUS != 0) return false;
        }
        return true;
    }

    function _addValues(bytes calldata pack, uint256[] memory metered) private pure returns (uint256 imported, uint256 exported) {
        uint256 sums = 0;
        assembly ("memory-safe") {
            let n := mload(metered)
            let source := add(pack.offset, add(HEADER, n))
            let target := add(metered, 32)
            for { let last := add(target, shl(5, n)) } lt(target, last) { target := add(target, 32) } {
                let value := shr(192, calldataload(source))
                value := or(shl(128, shr(32, value)), and(value, MASK32))
                sums := add(sums, value)
                mstore(target, add(mload(target), value))
                source := add(source, 8)
            }
        }
        return (sums >> 128, uint128(sums));
    }

    /// @dev The caller has checked that the field lies in the pack; what lies behind it is shifted out.
    function _word(bytes calldata pack, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := calldataload(add(pack.offset, offset))
        }
    }
}
