// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Calendar} from "../lindenstrom_contracts/libraries/Calendar.sol";
import {Intervals} from "../lindenstrom_contracts/libraries/Intervals.sol";

/// @dev Intervals of days: symbolic ends and days, two intervals beside the new one.
contract IntervalProofs {
    function check_a_common_day_is_an_overlap(uint32 fromA, uint32 endA, uint32 fromB, uint32 endB, uint32 day) external pure {
        if (fromA <= day && day < endA && fromB <= day && day < endB) assert(Intervals.overlap(fromA, endA, fromB, endB));
    }

    function check_no_day_is_above_the_peak(uint32[2] memory someFroms, uint32[2] memory someEnds, uint32 from, uint32 end, uint32 day)
        external
        pure
    {
        if (day < from || day >= end) return;
        (uint256[] memory froms, uint256[] memory ends) = (new uint256[](2), new uint256[](2));
        uint256 held = 0;
        for (uint256 i = 0; i < 2; i++) {
            (froms[i], ends[i]) = (someFroms[i], someEnds[i]);
            if (froms[i] <= day && day < ends[i]) held++;
        }
        uint256 peak = Intervals.peak(froms, ends, from, end);
        assert(held <= peak && peak <= 2);
    }
}

/// @dev Every day up to the year 4840. How long each day is, is enumerated by a test of forge.
contract CalendarProofs {
    uint256 private constant LAST = 1 << 20;

    function check_windows_follow_each_other(uint256 window, uint256 offset) external pure {
        if (window == 0 || window > LAST || offset > 2) return;
        uint256 first = Calendar.firstSlot(window, offset);
        assert(Calendar.windowEnd(window, offset) == 900 * (first + Calendar.slotCount(window, offset)));
        // within a day of UTC midnight
        assert(first + 4 * offset <= 96 * window && 96 * window <= first + 4 * offset + 4);
    }
}
