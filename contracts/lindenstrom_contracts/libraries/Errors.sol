// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

// Errors that more than one contract raises.

/// @notice Only the operator may do this.
error NotOperator(address caller);
/// @notice No member has this index.
error UnknownMember(uint32 member);
/// @notice No reader has this index.
error UnknownReader(uint32 reader);
/// @notice Members 0 (fee) and 1 (rounding) neither bind meters nor join agreements.
error SpecialMember(uint32 member);
/// @notice The account of this member did not sign this act.
error NotSignedBy(uint32 member);
/// @notice This signed act has been carried before; an act counts once.
error AlreadyCarried(bytes32 digest);
/// @notice Changes take effect two days after the block's day, or later.
error DayTooEarly(uint32 day, uint32 earliest);
/// @notice The interval holds no day.
error EmptyInterval(uint32 fromDay, uint32 endDay);
/// @notice An end only moves to an earlier day, and not before the first one.
error NotShorter(uint32 endDay, uint32 fromDay, uint32 currentEndDay);
/// @notice At most four at a time.
error TooManyLive(uint32 member);
/// @notice At most 32 ever; then the member needs a new index.
error TooManyEver(uint32 member);
/// @notice The community's trees have no place left.
error CommunityFull(uint256 index);
/// @notice The window is not over yet.
error WindowNotOver(uint32 window, uint256 endTime);
