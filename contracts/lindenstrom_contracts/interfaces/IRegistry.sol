// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a community fixes at deployment, for ever.
/// @param offsetHours Standard time east of Greenwich in hours, 0 to 2 (1 for Berlin); EU summer time adds one.
/// @param closeDelay Seconds from a window's end to the cut-off for readings, at least 36 h.
/// @param objectionPeriod Seconds from a posting to the earliest finality, at least 14 days.
/// @param answerTime Seconds to answer a member's demand, at least 3 days.
/// @param depth Levels of every tree of the community, 1 to 20.
struct Constants {
    uint8 offsetHours;
    uint32 closeDelay;
    uint32 objectionPeriod;
    uint32 answerTime;
    uint8 depth;
}

/// @notice A reader's key of now.
/// @param curve 1 secp256k1: keyA is the signer's address as a number, keyB zero. 2 P-256: keyA is x, keyB is y.
struct ReaderKey {
    uint8 curve;
    bytes32 keyA;
    bytes32 keyB;
}

/// @notice A member's signed consent: this meter, read by this reader at this place of its tree, counts for me.
/// @param auditors Hash of the auditors the member consents to; see `auditorsHash`.
struct Bind {
    uint32 member;
    bytes32 meter;
    uint32 reader;
    uint32 position;
    uint32 fromDay;
    uint32 endDay;
    bytes32 auditors;
}

/// @notice A meter bound to a member for the days [fromDay, endDay).
struct Binding {
    uint32 member;
    bytes32 meter;
    uint32 reader;
    uint32 position;
    uint32 fromDay;
    uint32 endDay;
}

/// @title Who is who, and which meter counts for whom
/// @notice Members and readers have indices that are never used twice. Everything here is append-only; ends of bindings move only towards
/// today, and only from the day after tomorrow on. Nobody can upgrade, pause or rewrite it.
/// The operator announces a change of auditors, and it takes effect 30 days later; only the auditor can leave at once. An auditor's index,
/// and with it the bit in attestations, stays theirs for ever.
///
/// NOT guaranteed: that a meter exists, that it stands at the member's home, that it is bound in one community only, or that the reader puts
/// the meter's readings where the binding says. The operator can end a binding (from the day after tomorrow), for example of a stranger
/// who claims a neighbour's meter; the operator can start none.
interface IRegistry {
    event MemberAdded(uint32 indexed member, address account);
    event AccountRotated(uint32 indexed member, address oldAccount, address newAccount);
    event ReaderAdded(uint32 indexed reader, uint8 curve, bytes32 keyA, bytes32 keyB);
    event ReaderRotated(uint32 indexed reader, uint8 curve, bytes32 keyA, bytes32 keyB);
    event MeterBound(
        uint32 indexed binding, uint32 indexed member, uint32 indexed reader, bytes32 meter, uint32 position, uint32 fromDay, uint32 endDay
    );
    event MeterUnbound(uint32 indexed binding, uint32 endDay);

    /// @param fromTime Unix time from which the auditor is active.
    event AuditorAppointed(uint8 indexed index, address auditor, uint64 fromTime);
    /// @param endTime Unix time from which the auditor is not active any more.
    event AuditorDismissed(uint8 indexed index, uint64 endTime);
    event AuditorResigned(uint8 indexed index, uint64 endTime);

    /// @notice A constant lies outside its allowed range. which: 0 offset, 1 close delay, 2 objection period, 3 answer time, 4 depth.
    error ConstantOutOfRange(uint8 which, uint256 value);
    error ZeroAddress();
    /// @notice At most 32 ever.
    error TooManyAuditors(uint256 count);
    /// @notice An address is an auditor once, and neither the operator's nor a key that a reader ever had.
    error AuditorConflict(address account);
    /// @notice Not an auditor, or not active now.
    error NotAuditor(address caller);
    error UnknownAuditor(uint8 index);
    /// @notice This auditor's end is fixed.
    error AlreadyEnding(uint8 index, uint64 endTime);
    /// @notice The index that the caller expects is taken, or not yet reached.
    error UnexpectedIndex(uint32 expected, uint32 next);
    error AccountTaken(address account, uint32 member);
    error UnknownBinding(uint32 binding);
    /// @notice Curve 1 is accepted everywhere, curve 2 where the chain verifies P-256 at address 0x100; there are no others.
    error CurveNotSupported(uint8 curve);
    /// @notice For curve 1, keyA is the signer's address, not zero, and keyB is zero. For curve 2, (keyA, keyB) is a point of P-256.
    error KeyMalformed(bytes32 keyA, bytes32 keyB);
    error NotSignedByReader(uint32 reader);
    error ZeroMeter();
    error PositionOutOfTree(uint32 position, uint32 places);
    error MeterTaken(bytes32 meter, uint32 binding);
    error PositionTaken(uint32 reader, uint32 position, uint32 binding);
    error AuditorsDiffer(bytes32 consented, bytes32 actual);

    /// @notice The community's id: the EIP-712 domain separator at deployment. It never changes.
    function community() external view returns (bytes32);
    /// @notice The EIP-712 domain separator for the chain id of now: after a fork, acts of one chain do not count on the other.
    function domainSeparator() external view returns (bytes32);
    /// @notice May add members and readers, appoint and dismiss auditors, receipt joins, post, and end bindings. Immutable; has no say over
    /// results.
    function operator() external view returns (address);
    function offsetHours() external view returns (uint8);
    function closeDelay() external view returns (uint32);
    function objectionPeriod() external view returns (uint32);
    function answerTime() external view returns (uint32);
    function depth() external view returns (uint8);
    /// @notice The first window that can be posted: the day of deployment + 2.
    function firstWindow() external view returns (uint32);

    /// @notice keccak-256 of the addresses, packed in order of index, of all auditors whose end is not fixed; announced ones included.
    function auditorsHash() external view returns (bytes32);
    /// @notice Auditors ever named; indices run below it.
    function auditorCount() external view returns (uint8);
    /// @notice The auditor is active from `fromTime` until before `endTime`; the greatest number if the end is open.
    function auditor(uint8 index) external view returns (address account, uint64 fromTime, uint64 endTime);
    /// @notice The index of an auditor who is active now. Reverts with NotAuditor for anybody else.
    function auditorIndex(address account) external view returns (uint8);

    function memberCount() external view returns (uint32);
    function account(uint32 member) external view returns (address);
    function readerCount() external view returns (uint32);
    /// @notice See `ReaderKey`. Reverts if there is no such reader.
    function reader(uint32 index) external view returns (ReaderKey memory key);
    /// @notice For each reader curve · 2^160 + the signer's address; on P-256 no address, the key is to be asked for with `reader`. 0 where there
    /// is no such reader.
    function signers(uint32[] calldata indices) external view returns (uint256[] memory found);
    function bindingCount() external view returns (uint32);
    function binding(uint32 id)
        external
        view
        returns (uint32 member, bytes32 meter, uint32 atReader, uint32 position, uint32 fromDay, uint32 endDay);
    /// @notice Ids of all bindings the member ever had, in order.
    function bindingsOf(uint32 member) external view returns (uint32[] memory);
    /// @notice The member's bindings that hold on `window`, in order of id: at most four.
    function liveBindings(uint32 member, uint32 window) external view returns (uint32[] memory ids, Binding[] memory bindings);
    /// @notice Whether the act with this EIP-712 digest has been carried here.
    function isConsumed(bytes32 digest) external view returns (bool);

    function firstSlot(uint32 window) external view returns (uint256);
    function slotCount(uint32 window) external view returns (uint256);
    /// @notice Unix time at which the window is over.
    function windowEnd(uint32 window) external view returns (uint256);

    /// @notice Reverts unless the member's account of now signed `structHash` under `domainSeparator()`; ECDSA first, then EIP-1271.
    /// @dev Warning: an EIP-1271 account is foreign code, called statically; its answer can change from block to block.
    function requireSignedBy(uint32 member, bytes32 structHash, bytes calldata signature) external view;

    /// @notice Operator only. An account serves one member at a time; 0 and 1 are the operator's own and excepted.
    function addMember(uint32 expectedIndex, address newAccount) external;
    /// @notice Operator only.
    function addReader(uint32 expectedIndex, uint8 curve, bytes32 keyA, bytes32 keyB) external;
    /// @notice Operator only; active 30 days later.
    function appointAuditor(uint8 expectedIndex, address newAuditor) external;
    /// @notice Operator only, once per auditor; takes effect 30 days later.
    function dismissAuditor(uint8 index) external;
    /// @notice The auditor alone; takes effect at once.
    function resignAuditor() external;
    /// @notice RotateAccount, signed by the old account; counts at once. A lost key cannot be rotated: it means a new index.
    function rotateAccount(uint32 member, address newAccount, bytes calldata signature) external;
    /// @notice RotateReader, signed by the old key; counts at once.
    function rotateReader(uint32 index, uint8 curve, bytes32 keyA, bytes32 keyB, bytes calldata signature) external;
    /// @notice Bind, signed by the member; carried by anyone.
    /// @return id Counts up from 1.
    function bind(Bind calldata act, bytes calldata signature) external returns (uint32 id);
    /// @notice Unbind, signed by the member; or with an empty signature from the operator. Only shortens; endDay = fromDay calls it off.
    function unbind(uint32 id, uint32 endDay, bytes calldata signature) external;
}
