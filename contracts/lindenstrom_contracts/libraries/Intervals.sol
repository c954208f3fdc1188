// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Half-open intervals of days
/// @notice [from, end); an open end is 2^32 − 1; from = end is an interval that was called off and holds no day.
library Intervals {
    function overlap(uint256 fromA, uint256 endA, uint256 fromB, uint256 endB) internal pure returns (bool) {
        return (fromA > fromB ? fromA : fromB) < (endA < endB ? endA : endB);
    }

    /// @notice How many of the given intervals hold a common day within [from, end), at most.
    /// @dev The count only rises where an interval starts, so it is enough to look there.
    function peak(uint256[] memory froms, uint256[] memory ends, uint256 from, uint256 end) internal pure returns (uint256 most) {
        most = countOn(froms, ends, from);
        for (uint256 i = 0; i < froms.length; i++) {
            if (froms[i] <= from || froms[i] >= end) continue;
            uint256 here = countOn(froms, ends, froms[i]);
            if (here > most) most = here;
        }
    }

    function countOn(uint256[] memory froms, uint256[] memory ends, uint256 day) private pure returns (uint256 here) {
        for (uint256 i = 0; i < froms.length; i++) {
            if (froms[i] <= day && day < ends[i]) here++;
        }
    }
}
