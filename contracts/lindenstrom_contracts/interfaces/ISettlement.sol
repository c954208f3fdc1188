// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RecordOpening} from "./IReadingLog.sol";

/// @notice A posting. Only its digest is stored; calls that need its parts bring them.
/// @dev digest = keccak(0x17 ‖ community ‖ sequence u64 ‖ window u32 ‖ revision u16 ‖ asOf u64 ‖ statementsRoot ‖ resultsRoot ‖ sourcesRoot).
/// @param asOf Cut-off for readings, unix time.
struct Header {
    uint32 window;
    uint16 revision;
    uint64 asOf;
    bytes32 statementsRoot;
    bytes32 resultsRoot;
    bytes32 sourcesRoot;
}

/// @notice Opens the leaf at the member's index of the statements tree.
/// @dev leaf = keccak(0x11 ‖ community ‖ window u32 ‖ revision u16 ‖ index u32 ‖ keccak(0x15 ‖ linesSalt ‖ lines) ‖ net i128 ‖ salt);
/// line = agreement u32 ‖ taken u64 mWh ‖ given u64 mWh ‖ amount i128 p€.
/// @param empty The leaf is EMPTY: no lines, net 0, whatever the other fields say.
struct StatementOpening {
    bool empty;
    bytes32 community;
    uint32 window;
    uint16 revision;
    uint32 index;
    int128 net;
    bytes32 salt;
    bytes32 linesSalt;
    bytes lines;
    bytes32[] proof;
}

/// @notice Opens what a posting used for one binding, and the pack behind it.
/// @dev source leaf at the binding's id = keccak(0x13 ‖ kind u8 ‖ revision u16 ‖ replacement).
/// @param kind 1 anchored, 2 replaced, 0 the leaf is EMPTY.
/// @param challenge For kind 2: open the reader's good pack instead of the replacement, to show that there was no ground to replace it.
/// @param challengeRevision The newest revision at the cut-off.
/// @param record The anchor record of that revision (kind 1, or challenge).
/// @param hasNext Whether `next`, the record of the revision after it, is opened too.
/// @param emptyPosition For kind 1: the reader's tree is EMPTY at the binding's position.
/// @param pack The anchored pack; for kind 2 without challenge the replacement pack.
struct MeterOpening {
    uint8 kind;
    uint16 revision;
    bytes32 replacement;
    bytes32[] sourceProof;
    bool challenge;
    uint16 challengeRevision;
    RecordOpening record;
    bool hasNext;
    RecordOpening next;
    bool emptyPosition;
    bytes pack;
    bytes32[] packProof;
}

/// @notice Opens one membership's parameters and its agreement's leaf of the results tree.
/// @dev result leaf at the agreement's id = keccak(0x12 ‖ triplesSalt ‖ n × (price u32 ‖ L u64 ‖ g u64)).
/// @param empty The leaf is EMPTY.
struct AgreementOpening {
    uint32 weight;
    uint32 share;
    uint32 limit;
    bytes32 salt;
    bool empty;
    bytes32 triplesSalt;
    bytes triples;
    bytes32[] proof;
}

/// @param meters One per binding, in the order of `liveBindings`.
/// @param agreements One per membership, in the order of `liveMemberships`.
struct Opening {
    StatementOpening statement;
    MeterOpening[] meters;
    AgreementOpening[] agreements;
}

/// @title Postings, their refutation and their finality
/// @notice A posting goes once from posted to void or to final, never back; nothing posted is overwritten. Nobody has power over a result:
/// the operator posts, auditors vouch or object, and the contract itself voids what a member shows to be wrong.
///
/// `refute` takes bindings, memberships, terms, the calendar and the anchor records from storage, and energy, parameters, triples and
/// statement only from openings that match what was committed. An opening that does not match REVERTS; it never voids. So a right
/// statement cannot be voided, whatever is opened.
///
/// NOT guaranteed: that levels balance over the community, that substitute values are fair, that fee and rounding accounts are right, or that
/// the operator hands out openings; that takes one honest auditor, who voids. An auditor can void one posting of a window without a reason.
/// Warning: `final` without `attestedBy` means that nobody objected, no more.
interface ISettlement {
    event Posted(
        uint64 indexed sequence,
        uint32 indexed window,
        uint16 revision,
        uint64 asOf,
        bytes32 statementsRoot,
        bytes32 resultsRoot,
        bytes32 sourcesRoot,
        bytes32 digest
    );
    event Attested(uint64 indexed sequence, uint8 auditor);
    event Contested(uint64 indexed sequence, uint8 auditor);
    /// @param reason 0 by an auditor, else what `refute` found; see `Reasons`.
    event Voided(uint64 indexed sequence, uint32 indexed window, uint8 reason, address by);
    event Finalised(uint64 indexed sequence, uint32 indexed window);

    error UnexpectedSequence(uint64 expected, uint64 next);
    error UnknownPosting(uint64 sequence);
    error WrongDigest(uint64 sequence, bytes32 given, bytes32 stored);
    /// @notice The posting is not in a state that allows this. 1 posted, 2 void, 3 final.
    error WrongState(uint64 sequence, uint8 state);
    error WindowBeforeBeginning(uint32 window, uint32 first);
    /// @notice Corrections of finals are not open in this version.
    error RevisionNotOpen(uint16 revision);
    error WrongCutOff(uint64 asOf, uint64 expected);
    error TooEarly(uint256 earliest);
    error WindowTaken(uint32 window, uint64 sequence);
    error ZeroRoot();
    error AlreadyAttested(uint64 sequence, uint8 auditor);
    error AlreadyContested(uint64 sequence, uint8 auditor);
    /// @notice An auditor voids a window once, and contests it after.
    error VoidedBefore(uint32 window, uint8 auditor);
    /// @notice An agreement of the member keeps its disputes among auditors.
    error NotPublic(uint32 agreement);
    /// @notice Everything opened follows the rules.
    error NothingWrong(uint64 sequence, uint32 member);

    /// @notice Operator only. Sequences count up from 1. `asOf` is the window's end + the close delay, and past.
    function post(uint64 expectedSequence, Header calldata header) external;
    /// @notice Auditors, once per posting, while it is posted or final.
    function attest(uint64 sequence, bytes32 digest) external;
    /// @notice Auditors, once per posting, while it is posted or final: on record, without effect on the state.
    function contest(uint64 sequence, bytes32 digest) external;
    /// @notice Auditors, while it is posted; each auditor once per window.
    function voidByAuditor(uint64 sequence, bytes32 digest) external;
    /// @notice Anyone, once the objection period is over.
    function finalise(uint64 sequence, bytes32 digest) external;
    /// @notice Recomputes the member's day and voids the posting if anything differs from the rules; reverts when nothing does.
    /// @dev Order: state, header, the member's Refute signature, publicity; then the reasons of `Reasons` in their order, meter by meter and
    /// agreement by agreement. What lies behind the first fault is not looked at.
    /// Warning: what is opened stays public for ever, in a reverted call too.
    function refute(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening, bytes calldata signature) external;

    /// @notice All zero if the sequence does not exist. state: 1 posted, 2 void, 3 final; bit i of attestedBy and contestedBy: auditor i.
    function posting(uint64 sequence)
        external
        view
        returns (
            uint32 window,
            uint16 revision,
            uint64 asOf,
            uint64 postedAt,
            uint8 state,
            uint32 attestedBy,
            uint32 contestedBy,
            bytes32 digest
        );
    function nextSequence() external view returns (uint64);
    /// @notice The window's posting that is posted or final, 0 if none.
    function live(uint32 window) external view returns (uint64 sequence);
    /// @notice The window's newest final posting, 0 if none.
    function newestFinal(uint32 window) external view returns (uint64 sequence);
}
