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

/// @notice Opens an agreement's leaf of the results tree, and nothing of any member.
/// @param empty The leaf is EMPTY.
struct ResultOpening {
    bool empty;
    bytes32 triplesSalt;
    bytes triples;
    bytes32[] proof;
}

/// @title Postings, their refutation and their finality
/// @notice A posting goes once from posted to void or to final, never back; nothing posted is overwritten. Nobody has power over a result:
/// the operator posts, auditors vouch or object, and the contract itself voids what a member shows to be wrong.
///
/// `refute`, `refuteLevels` and `answer` take bindings, memberships, terms, the calendar and the anchor records from storage, and energy, parameters, triples and
/// statement only from openings that match what was committed. An opening that does not match REVERTS; it never voids. So a right
/// statement cannot be voided, whatever is opened.
///
/// NOT guaranteed: that levels balance over the community, that substitute values are fair, or that fee and rounding accounts are right; that
/// takes one honest auditor, who voids. An auditor can void one posting of a window without a reason, and can confirm a delivery that
/// never took place. A member whose demand was left to lapse has none left in that revision: who then keeps back the bundle of the next
/// posting is stopped by auditors only.
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
    event Demanded(uint64 indexed sequence, uint32 indexed member, uint64 dueAt, bool publicAnswer);
    /// @param publicly Whether the day was opened here, and found right; else an auditor confirmed that the member has the bundle.
    event Answered(uint64 indexed sequence, uint32 indexed member, address by, bool publicly);
    /// @param reason 0 by an auditor, else what was found; see `Reasons`.
    event Voided(uint64 indexed sequence, uint32 indexed window, uint8 reason, address by);
    event Finalised(uint64 indexed sequence, uint32 indexed window);

    error UnexpectedSequence(uint64 expected, uint64 next);
    error UnknownPosting(uint64 sequence);
    error WrongDigest(uint64 sequence, bytes32 given, bytes32 stored);
    /// @notice The posting is not in a state that allows this. 1 posted, 2 void, 3 final.
    error WrongState(uint64 sequence, uint8 state);
    error WindowBeforeBeginning(uint32 window, uint32 first);
    /// @notice A window's first posting has revision 0, each correction of a final one more than that.
    error WrongRevision(uint16 given, uint16 expected);
    /// @notice `asOf` is not within [earliest, latest]; for revision 0 these are the same.
    error WrongCutOff(uint64 asOf, uint256 earliest, uint256 latest);
    /// @notice A window can be corrected for 365 days after its end.
    error CorrectionTooLate(uint32 window, uint256 latest);
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
    /// @notice The member has no membership in the agreement that holds on the posting's window.
    error NotAParty(uint32 member, uint32 agreement);
    error SlotOutOfDay(uint16 slot, uint256 slots);
    /// @notice The objection period ended at `end`; a member demands before.
    error ObjectionOver(uint256 end);
    /// @notice A member demands once per posting, and never again in a revision once a demand of its own was left to lapse; `sequence` is the
    /// posting that the demand named.
    error DemandedBefore(uint32 member, uint64 sequence);
    /// @notice The member has not demanded this posting's bundle, or the demand is answered.
    error NoOpenDemand(uint64 sequence, uint32 member);
    /// @notice The demand does not allow an answer in public.
    error NoPublicAnswer(uint32 member);
    /// @notice The demand can still be answered in time.
    error NotOverdue(uint64 dueAt);
    /// @notice Demands are open; they are answered, or the posting is voided, before it can be final.
    error DemandsOpen(uint64 sequence, uint32 count);

    /// @notice Operator only. Sequences count up from 1. Revision 0: `asOf` is the window's end + the close delay, and not in the future. A correction
    /// has the revision after that of the window's newest final, while no posting of the window is open to objection; its `asOf` lies
    /// after that final's and is not in the future; it is made within 365 days after the window's end. A posting after a void has the
    /// voided one's revision.
    /// Warning: what is anchored in the very second of `asOf` counts, also behind the posting; who posts in a later second has seen it all.
    function post(uint64 expectedSequence, Header calldata header) external;
    /// @notice Auditors, once per posting, while it is posted or final.
    function attest(uint64 sequence, bytes32 digest) external;
    /// @notice Auditors, once per posting, while it is posted or final: on record, without effect on the state.
    function contest(uint64 sequence, bytes32 digest) external;
    /// @notice Auditors, while it is posted; each auditor once per window.
    function voidByAuditor(uint64 sequence, bytes32 digest) external;
    /// @notice Anyone, once the objection period is over, no demand is open, and 24 h have gone by since the last answer.
    function finalise(uint64 sequence, bytes32 digest) external;
    /// @notice Recomputes the member's day and voids the posting if anything differs from the rules; reverts when nothing does.
    /// @dev Order: header, state, the member's Refute signature, publicity; then the reasons of `Reasons` in their order, meter by meter and
    /// agreement by agreement. What lies behind the first fault is not looked at.
    /// Warning: what is opened stays public for ever, in a reverted call too.
    function refute(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening, bytes calldata signature) external;
    /// @notice Voids the posting if the agreement's result is missing or has a wrong length, or if in `slot` the price or a level is out of
    /// range, or takers and givers are both held back (not for a static key). RefuteLevels, signed by a member who is a party on the
    /// window, while the agreement's terms allow public disputes; reverts when nothing is wrong.
    /// Warning: the agreement's levels of the whole day stay public for ever, in a reverted call too.
    function refuteLevels(
        uint64 sequence,
        uint32 member,
        Header calldata header,
        uint32 agreement,
        uint16 slot,
        ResultOpening calldata result,
        bytes calldata signature
    ) external;
    /// @notice Demand, signed by a member who lacks the bundle: bars finality until it is answered. In the objection period only, once per
    /// window and revision.
    /// @param publicAnswer Whether anyone may answer by opening the member's day here; only if all of the member's agreements of the window
    /// allow public disputes.
    function demand(uint64 sequence, bytes32 digest, uint32 member, bool publicAnswer, bytes calldata signature) external;
    /// @notice Auditors: the member has, or could fetch, a bundle that opens the posting.
    function confirmDelivery(uint64 sequence, bytes32 digest, uint32 member) external;
    /// @notice Anyone, if the demand allows it: opens the member's day. It is recomputed as by `refute`; a fault voids the posting, else the
    /// demand is answered. Like a confirmation, it comes in time as long as nobody has voided the posting.
    /// Warning: what is opened stays public for ever, in a reverted call too.
    function answer(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening) external;
    /// @notice Anyone: voids a posting whose demand was not answered in the community's answer time.
    function voidOverdue(uint64 sequence, bytes32 digest, uint32 member) external;

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
    /// @notice The window's newest posting that is posted or final, 0 if none; a voided correction gives way to the final before it.
    function live(uint32 window) external view returns (uint64 sequence);
    /// @notice The window's newest final posting, 0 if none.
    function newestFinal(uint32 window) external view returns (uint64 sequence);
    /// @notice The member's demand for a window's revision: the posting it named, which may be void by now. state: 0 none, 1 open, 2 answered,
    /// 3 lapsed: it voided that posting.
    function demandOf(uint32 window, uint16 revision, uint32 member)
        external
        view
        returns (uint64 sequence, uint64 dueAt, bool publicAnswer, uint8 state);
    /// @notice How many demands of a posting are open, and unix time of its last answer, 0 if none.
    function demands(uint64 sequence) external view returns (uint32 open, uint64 lastAnswerAt);
}
