// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Local days ("windows") and UTC quarter-hours ("slots")
/// @notice A window is a day since 1970-01-01 that starts at local midnight; a slot is unix time / 900. EU summer time: the clock changes
/// in the small hours of the last Sunday of March and of October, after that day's midnight. So the March day has 92 slots, the October day 100.
library Calendar {
    uint256 internal constant SLOT_SECONDS = 900;

    /// @dev The year counts from 1 March here, so that leap days come last (civil-from-days after H. Hinnant). January and February belong
    /// to the year before and lie after its October, as they should.
    function isSummer(uint256 window) internal pure returns (bool) {
        uint256 ofEra = (window + 719_468) % 146_097;
        uint256 year = (ofEra - ofEra / 1460 + ofEra / 36_524 - ofEra / 146_096) / 365;
        uint256 dayOfYear = ofEra - (365 * year + year / 4 - year / 100);
        // shifted by 7 days, so that nothing goes below zero in 1970
        uint256 shifted = window + 371;
        uint256 march31 = shifted - dayOfYear + 30;
        uint256 october31 = march31 + 214;
        return shifted > lastSunday(march31) && shifted <= lastSunday(october31);
    }

    /// @dev Days are shifted by 371 = 53 · 7, which keeps the weekday; day 0 was a Thursday, three days before a Sunday.
    function lastSunday(uint256 shiftedDay) private pure returns (uint256) {
        return shiftedDay - (shiftedDay + 4) % 7;
    }

    /// @notice The first slot of a window. Reverts below the first representable window.
    function firstSlot(uint256 window, uint256 offsetHours) internal pure returns (uint256) {
        return 96 * window - 4 * offsetHours - (isSummer(window) ? 4 : 0);
    }

    /// @notice 92, 96 or 100.
    function slotCount(uint256 window, uint256 offsetHours) internal pure returns (uint256) {
        return firstSlot(window + 1, offsetHours) - firstSlot(window, offsetHours);
    }

    /// @notice Unix time at which the window is over.
    function windowEnd(uint256 window, uint256 offsetHours) internal pure returns (uint256) {
        return firstSlot(window + 1, offsetHours) * SLOT_SECONDS;
    }
}
