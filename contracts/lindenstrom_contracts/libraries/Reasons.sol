// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Why a posting is void
library Reasons {
    uint8 internal constant NONE = 0;
    uint8 internal constant STATEMENT_FIELD = 1;
    uint8 internal constant SOURCE_MISSING = 2;
    uint8 internal constant SOURCE_MALFORMED = 3;
    uint8 internal constant SOURCE_NOT_ANCHORED = 4;
    uint8 internal constant SOURCE_TOO_NEW = 5;
    uint8 internal constant SOURCE_STALE = 6;
    uint8 internal constant POSITION_EMPTY = 7;
    uint8 internal constant PACK_UNFIT = 8;
    uint8 internal constant REPLACEMENT_UNFOUNDED = 9;
    uint8 internal constant REPLACEMENT_UNFIT = 10;
    uint8 internal constant RESULT_MISSING = 11;
    uint8 internal constant RESULT_LENGTH = 12;
    uint8 internal constant PRICE_DIFFERS = 13;
    uint8 internal constant LEVEL_RANGE = 14;
    uint8 internal constant LINES_DIFFER = 15;
    uint8 internal constant NET_DIFFERS = 16;
    uint8 internal constant BOTH_CURTAILED = 17;
    uint8 internal constant DEMAND_OVERDUE = 18;
}
