// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What an agreement says; never changes under an id. One storage slot.
/// @param steward The member who offers it and countersigns who joins.
/// @param key How the pool is shared: 0 proportional, 1 static, 2 cascading, 3 equal, 4 priority.
/// @param rule How the price is made: 0 fixed (priceA), 1 mid-market (priceA feed-in, priceB retail, half of the sum, floor), 2 auction
/// (within the bounds priceA and priceB). µ€/kWh.
/// @param fee What takers pay to the fee account on top, µ€/kWh.
/// @param cap The most a member can offer in a slot, mWh, in each direction.
/// @param priority A member's agreements run in order of (priority, id).
/// @param firstWindow First and last window, both included.
/// @param publicDisputes Whether a party's day may be opened to the public in a dispute.
struct Terms {
    uint32 steward;
    uint8 key;
    uint8 rule;
    uint32 priceA;
    uint32 priceB;
    uint32 fee;
    uint32 cap;
    uint8 priority;
    uint32 firstWindow;
    uint32 lastWindow;
    bool publicDisputes;
}

/// @notice What a member signs to join. role: 1 taker, 2 giver, 3 both. parameters: see `Membership`.
struct Join {
    uint32 member;
    uint32 agreement;
    uint8 role;
    uint32 fromDay;
    uint32 endDay;
    bytes32 parameters;
}

/// @notice A party for the days [fromDay, endDay).
/// @param parameters keccak(0x16 ‖ salt ‖ weight u32 ‖ share u32 ppm ‖ limit u32 µ€/kWh). weight: ppm under a static key, parts under a
/// cascading one, rank under a priority one; limit: of an auction, for both sides.
struct Membership {
    uint32 agreement;
    uint8 role;
    uint32 fromDay;
    uint32 endDay;
    bytes32 parameters;
}

/// @title Terms and parties of every trade
/// @notice NOT guaranteed: that the operator receipts a join, that a steward is fair, or that the parameters behind a commitment are
/// sensible numbers: whoever signs a join has seen them.
interface IAgreements {
    event AgreementOffered(uint32 indexed agreement, uint32 indexed steward, Terms terms);
    event MemberJoined(
        uint32 indexed agreement, uint32 indexed member, uint32 membership, uint8 role, uint32 fromDay, uint32 endDay, bytes32 parameters
    );
    event MemberLeft(uint32 indexed agreement, uint32 indexed member, uint32 membership, uint32 endDay);

    error KeyNotSupported(uint8 key);
    error RuleNotSupported(uint8 rule);
    /// @notice An auction shares in proportion where limits tie: its key is 0.
    error AuctionKey(uint8 key);
    /// @notice An auction's lower bound is priceA, its upper bound priceB.
    error PriceBounds(uint32 priceA, uint32 priceB);
    error UnexpectedNumber(uint32 number, uint32 next);
    error TooManyOffers(uint32 steward);
    error UnknownAgreement(uint32 agreement);
    error UnknownMembership(uint32 member, uint32 membership);
    error RoleUnknown(uint8 role);
    error ZeroParameters();
    /// @notice The agreement is over, or has not begun, on all of these days.
    error OutsideTerms(uint32 agreement, uint32 fromDay, uint32 endDay);
    error AlreadyJoined(uint32 member, uint32 agreement, uint32 membership);
    error NotReceiptedByOperator();

    /// @notice Offer, signed by the steward; carried by anyone. `number` counts the steward's offers from 0: up to 32 (members 0 and 1: any).
    /// @return agreement Ids count up from 1.
    function offer(Terms calldata t, uint32 number, bytes calldata signature) external returns (uint32 agreement);
    /// @notice Join signed by the member, Countersign by the steward, Receipt by the operator; carried by anyone.
    function join(Join calldata act, bytes calldata byMember, bytes calldata bySteward, bytes calldata byOperator)
        external
        returns (uint32 membership);
    /// @notice Leave, signed by the member alone. Only shortens; endDay = fromDay calls it off.
    /// @param membership Index in `membershipsOf(member)`.
    function leave(uint32 member, uint32 membership, uint32 endDay, bytes calldata signature) external;

    function terms(uint32 agreement) external view returns (Terms memory);
    function agreementCount() external view returns (uint32);
    function offersOf(uint32 steward) external view returns (uint32);
    /// @notice All memberships the member ever had, in order.
    function membershipsOf(uint32 member) external view returns (Membership[] memory);
    /// @notice The memberships that hold on `window`, in running order (priority, agreement): at most four, each agreement once.
    function liveMemberships(uint32 member, uint32 window) external view returns (Membership[] memory memberships, Terms[] memory itsTerms);
    /// @notice Whether the act with this EIP-712 digest has been carried here.
    function isConsumed(bytes32 digest) external view returns (bool);
}
