// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Membership, Terms} from "./interfaces/IAgreements.sol";
import {IReadingLog} from "./interfaces/IReadingLog.sol";
import {Binding, IRegistry} from "./interfaces/IRegistry.sol";
import {Header, ISettlement, Opening, ResultOpening} from "./interfaces/ISettlement.sol";
import {NotOperator, SpecialMember} from "./libraries/Errors.sol";
import {Reasons} from "./libraries/Reasons.sol";
import {Refutation} from "./libraries/Refutation.sol";

/// @title Postings, their refutation and their finality
/// @notice See ISettlement.
contract Settlement is ISettlement {
    bytes32 private constant REFUTE = keccak256("Refute(uint32 member,uint64 sequence,bytes32 posting)");
    bytes32 private constant REFUTE_LEVELS = keccak256("RefuteLevels(uint32 member,uint64 sequence,bytes32 posting,uint32 agreement)");
    bytes32 private constant DEMAND = keccak256("Demand(uint32 member,uint64 sequence,bytes32 posting,bool publicAnswer)");

    uint256 private constant CORRECTABLE = 365 days;
    /// @dev Time to look at a late answer, and to refute.
    uint256 private constant AFTER_ANSWER = 24 hours;

    uint8 private constant POSTED = 1;
    uint8 private constant VOID = 2;
    uint8 private constant FINAL = 3;

    uint8 private constant OPEN = 1;
    uint8 private constant ANSWERED = 2;
    uint8 private constant LAPSED = 3;

    /// @dev Two slots.
    struct Posting {
        uint32 window;
        uint16 revision;
        uint64 asOf;
        uint64 postedAt;
        uint8 state;
        uint32 attestedBy;
        uint32 contestedBy;
        bytes32 digest;
    }

    /// @dev One slot.
    struct Demand {
        uint64 sequence;
        uint64 dueAt;
        bool publicAnswer;
        uint8 state;
    }

    /// @dev One slot. Of one posting: what is voided leaves none behind.
    struct Demands {
        uint32 open;
        uint64 lastAnswerAt;
    }

    IRegistry public immutable registry;
    IAgreements public immutable agreements;
    IReadingLog public immutable readingLog;

    mapping(uint64 sequence => Posting) public posting;
    uint64 public nextSequence = 1;
    mapping(uint32 window => uint64 sequence) public live;
    mapping(uint32 window => uint64 sequence) public newestFinal;
    mapping(uint32 window => uint256 auditors) private _voidedBy;
    mapping(uint32 window => mapping(uint16 revision => mapping(uint32 member => Demand))) public demandOf;
    mapping(uint64 sequence => Demands) public demands;

    constructor(IRegistry theRegistry, IAgreements theAgreements, IReadingLog theReadingLog) {
        registry = theRegistry;
        agreements = theAgreements;
        readingLog = theReadingLog;
    }

    function post(uint64 expectedSequence, Header calldata header) external {
        require(msg.sender == registry.operator(), NotOperator(msg.sender));
        uint64 sequence = nextSequence;
        require(expectedSequence == sequence, UnexpectedSequence(expectedSequence, sequence));
        _checkHeader(header);

        bytes32 digest = _digest(sequence, header);
        nextSequence = sequence + 1;
        live[header.window] = sequence;
        posting[sequence] = Posting(header.window, header.revision, header.asOf, uint64(block.timestamp), POSTED, 0, 0, digest);
        emit Posted(
            sequence, header.window, header.revision, header.asOf, header.statementsRoot, header.resultsRoot, header.sourcesRoot, digest
        );
    }

    function attest(uint64 sequence, bytes32 digest) external {
        Posting storage p = _expected(sequence, digest);
        require(p.state != VOID, WrongState(sequence, p.state));
        (uint8 index, uint32 bit) = _auditor();
        require(p.attestedBy & bit == 0, AlreadyAttested(sequence, index));
        p.attestedBy |= bit;
        emit Attested(sequence, index);
    }

    function contest(uint64 sequence, bytes32 digest) external {
        Posting storage p = _expected(sequence, digest);
        require(p.state != VOID, WrongState(sequence, p.state));
        (uint8 index, uint32 bit) = _auditor();
        require(p.contestedBy & bit == 0, AlreadyContested(sequence, index));
        p.contestedBy |= bit;
        emit Contested(sequence, index);
    }

    function voidByAuditor(uint64 sequence, bytes32 digest) external {
        Posting storage p = _expected(sequence, digest);
        (uint8 index, uint32 bit) = _auditor();
        require(_voidedBy[p.window] & bit == 0, VoidedBefore(p.window, index));
        _voidedBy[p.window] |= bit;
        _void(sequence, p, Reasons.NONE);
    }

    function finalise(uint64 sequence, bytes32 digest) external {
        Posting storage p = _posted(sequence, digest);
        Demands storage d = demands[sequence];
        require(d.open == 0, DemandsOpen(sequence, d.open));
        (uint256 earliest, uint256 heard) = (_objectionEnd(p), d.lastAnswerAt + AFTER_ANSWER);
        if (heard > earliest) earliest = heard;
        require(block.timestamp >= earliest, TooEarly(earliest));
        p.state = FINAL;
        newestFinal[p.window] = sequence;
        emit Finalised(sequence, p.window);
    }

    function refute(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening, bytes calldata signature) external {
        require(member > 1, SpecialMember(member));
        bytes32 digest = _digest(sequence, header);
        Posting storage p = _posted(sequence, digest);
        registry.requireSignedBy(member, keccak256(abi.encode(REFUTE, member, sequence, digest)), signature);
        uint8 reason = _firstFault(_day(member, header, p.postedAt), opening);
        require(reason != Reasons.NONE, NothingWrong(sequence, member));
        _void(sequence, p, reason);
    }

    function refuteLevels(
        uint64 sequence,
        uint32 member,
        Header calldata header,
        uint32 agreement,
        uint16 slot,
        ResultOpening calldata result,
        bytes calldata signature
    ) external {
        bytes32 digest = _digest(sequence, header);
        Posting storage p = _posted(sequence, digest);
        registry.requireSignedBy(member, keccak256(abi.encode(REFUTE_LEVELS, member, sequence, digest, agreement)), signature);
        Terms memory t = _termsAsParty(member, agreement, header.window);
        Refutation.Day memory day = _day(member, header, p.postedAt);
        require(slot < day.slots, SlotOutOfDay(slot, day.slots));
        uint8 reason = Refutation.levelFault(day, agreement, t, slot, result);
        require(reason != Reasons.NONE, NothingWrong(sequence, member));
        _void(sequence, p, reason);
    }

    function demand(uint64 sequence, bytes32 digest, uint32 member, bool publicAnswer, bytes calldata signature) external {
        require(member > 1, SpecialMember(member));
        Posting storage p = _posted(sequence, digest);
        uint256 end = _objectionEnd(p);
        require(block.timestamp < end, ObjectionOver(end));
        Demand storage d = demandOf[p.window][p.revision][member];
        // of an earlier posting: that one is void, and only who let it lapse has no demand left
        require(d.sequence != sequence && d.state != LAPSED, DemandedBefore(member, d.sequence));
        registry.requireSignedBy(member, keccak256(abi.encode(DEMAND, member, sequence, digest, publicAnswer)), signature);
        if (publicAnswer) _publicMemberships(member, p.window);

        uint64 dueAt = uint64(block.timestamp + registry.answerTime());
        (d.sequence, d.dueAt, d.publicAnswer, d.state) = (sequence, dueAt, publicAnswer, OPEN);
        demands[sequence].open += 1;
        emit Demanded(sequence, member, dueAt, publicAnswer);
    }

    function confirmDelivery(uint64 sequence, bytes32 digest, uint32 member) external {
        Demand storage d = _openDemand(sequence, _posted(sequence, digest), member);
        registry.auditorIndex(msg.sender);
        _close(sequence, d, member, false);
    }

    function answer(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening) external {
        Posting storage p = _posted(sequence, _digest(sequence, header));
        Demand storage d = _openDemand(sequence, p, member);
        require(d.publicAnswer, NoPublicAnswer(member));
        uint8 reason = _firstFault(_day(member, header, p.postedAt), opening);
        if (reason == Reasons.NONE) _close(sequence, d, member, true);
        else _void(sequence, p, reason);
    }

    function voidOverdue(uint64 sequence, bytes32 digest, uint32 member) external {
        Posting storage p = _posted(sequence, digest);
        Demand storage d = _openDemand(sequence, p, member);
        require(block.timestamp > d.dueAt, NotOverdue(d.dueAt));
        d.state = LAPSED;
        _void(sequence, p, Reasons.DEMAND_OVERDUE);
    }

    // Internal

    function _checkHeader(Header calldata h) private view {
        uint32 first = registry.firstWindow();
        require(h.window >= first, WindowBeforeBeginning(h.window, first));
        uint64 newest = live[h.window];
        require(posting[newest].state != POSTED, WindowTaken(h.window, newest));
        _checkRevision(h, registry.windowEnd(h.window), newest);
        require(h.statementsRoot != 0 && h.resultsRoot != 0 && h.sourcesRoot != 0, ZeroRoot());
    }

    /// @param corrected The window's newest final posting, 0 if none.
    function _checkRevision(Header calldata h, uint256 windowEnd, uint64 corrected) private view {
        if (corrected == 0) {
            require(h.revision == 0, WrongRevision(h.revision, 0));
            uint256 cutOff = windowEnd + registry.closeDelay();
            require(h.asOf == cutOff, WrongCutOff(h.asOf, cutOff, cutOff));
            require(block.timestamp >= cutOff, TooEarly(cutOff));
            return;
        }
        Posting storage before = posting[corrected];
        require(h.revision == before.revision + 1, WrongRevision(h.revision, before.revision + 1));
        require(h.asOf > before.asOf && h.asOf <= block.timestamp, WrongCutOff(h.asOf, before.asOf + 1, block.timestamp));
        require(block.timestamp <= windowEnd + CORRECTABLE, CorrectionTooLate(h.window, windowEnd + CORRECTABLE));
    }

    function _digest(uint64 sequence, Header calldata h) private view returns (bytes32) {
        bytes32 community = registry.community();
        return keccak256(
            abi.encodePacked(
                bytes1(0x17), community, sequence, h.window, h.revision, h.asOf, h.statementsRoot, h.resultsRoot, h.sourcesRoot
            )
        );
    }

    function _expected(uint64 sequence, bytes32 digest) private view returns (Posting storage p) {
        p = posting[sequence];
        require(p.state != 0, UnknownPosting(sequence));
        require(p.digest == digest, WrongDigest(sequence, digest, p.digest));
    }

    function _posted(uint64 sequence, bytes32 digest) private view returns (Posting storage p) {
        p = _expected(sequence, digest);
        require(p.state == POSTED, WrongState(sequence, p.state));
    }

    function _objectionEnd(Posting storage p) private view returns (uint256) {
        return uint256(p.postedAt) + registry.objectionPeriod();
    }

    /// @dev A demand counts for the posting that it names only: one that outlived a void neither bars nor voids the next posting.
    function _openDemand(uint64 sequence, Posting storage p, uint32 member) private view returns (Demand storage d) {
        d = demandOf[p.window][p.revision][member];
        require(d.state == OPEN && d.sequence == sequence, NoOpenDemand(sequence, member));
    }

    function _close(uint64 sequence, Demand storage d, uint32 member, bool publicly) private {
        d.state = ANSWERED;
        Demands storage all = demands[sequence];
        (all.open, all.lastAnswerAt) = (all.open - 1, uint64(block.timestamp));
        emit Answered(sequence, member, msg.sender, publicly);
    }

    function _auditor() private view returns (uint8 index, uint32 bit) {
        index = registry.auditorIndex(msg.sender);
        bit = uint32(1) << index;
    }

    /// @dev INVARIANT: the only way out of POSTED besides finality, and only from POSTED. A voided correction gives way to the final it
    /// would have corrected.
    function _void(uint64 sequence, Posting storage p, uint8 reason) private {
        require(p.state == POSTED, WrongState(sequence, p.state));
        p.state = VOID;
        live[p.window] = newestFinal[p.window];
        emit Voided(sequence, p.window, reason, msg.sender);
    }

    function _day(uint32 member, Header calldata h, uint64 postedAt) private view returns (Refutation.Day memory) {
        return Refutation.Day({
            log: readingLog,
            community: registry.community(),
            depth: registry.depth(),
            slots: registry.slotCount(h.window),
            member: member,
            window: h.window,
            revision: h.revision,
            asOf: h.asOf,
            postedAt: postedAt,
            statementsRoot: h.statementsRoot,
            resultsRoot: h.resultsRoot,
            sourcesRoot: h.sourcesRoot
        });
    }

    function _firstFault(Refutation.Day memory day, Opening calldata opening) private view returns (uint8) {
        (Membership[] memory memberships, Terms[] memory itsTerms) = _publicMemberships(day.member, day.window);
        (uint32[] memory ids, Binding[] memory bindings) = registry.liveBindings(day.member, day.window);
        return Refutation.firstFault(day, ids, bindings, memberships, itsTerms, opening);
    }

    function _publicMemberships(uint32 member, uint32 window)
        private
        view
        returns (Membership[] memory memberships, Terms[] memory itsTerms)
    {
        (memberships, itsTerms) = agreements.liveMemberships(member, window);
        for (uint256 j = 0; j < itsTerms.length; j++) {
            require(itsTerms[j].publicDisputes, NotPublic(memberships[j].agreement));
        }
    }

    /// @dev The terms of an agreement with public disputes in which the member is a party on the window.
    function _termsAsParty(uint32 member, uint32 agreement, uint32 window) private view returns (Terms memory) {
        (Membership[] memory memberships, Terms[] memory itsTerms) = agreements.liveMemberships(member, window);
        for (uint256 j = 0; j < itsTerms.length; j++) {
            if (memberships[j].agreement != agreement) continue;
            require(itsTerms[j].publicDisputes, NotPublic(agreement));
            return itsTerms[j];
        }
        revert NotAParty(member, agreement);
    }
}
