// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Membership, Terms} from "./interfaces/IAgreements.sol";
import {IReadingLog} from "./interfaces/IReadingLog.sol";
import {Binding, IRegistry} from "./interfaces/IRegistry.sol";
import {Header, ISettlement, Opening} from "./interfaces/ISettlement.sol";
import {NotOperator, SpecialMember} from "./libraries/Errors.sol";
import {Reasons} from "./libraries/Reasons.sol";
import {Refutation} from "./libraries/Refutation.sol";

/// @title Postings, their refutation and their finality
/// @notice See ISettlement.
contract Settlement is ISettlement {
    bytes32 private constant REFUTE = keccak256("Refute(uint32 member,uint64 sequence,bytes32 posting)");

    uint8 private constant POSTED = 1;
    uint8 private constant VOID = 2;
    uint8 private constant FINAL = 3;

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

    IRegistry public immutable registry;
    IAgreements public immutable agreements;
    IReadingLog public immutable readingLog;

    mapping(uint64 sequence => Posting) public posting;
    uint64 public nextSequence = 1;
    mapping(uint32 window => uint64 sequence) public live;
    mapping(uint32 window => uint64 sequence) public newestFinal;
    mapping(uint32 window => uint256 auditors) private _voidedBy;

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
        require(live[header.window] == 0, WindowTaken(header.window, live[header.window]));

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
        Posting storage p = _expected(sequence, digest);
        require(p.state == POSTED, WrongState(sequence, p.state));
        uint256 earliest = uint256(p.postedAt) + registry.objectionPeriod();
        require(block.timestamp >= earliest, TooEarly(earliest));
        p.state = FINAL;
        newestFinal[p.window] = sequence;
        emit Finalised(sequence, p.window);
    }

    function refute(uint64 sequence, uint32 member, Header calldata header, Opening calldata opening, bytes calldata signature) external {
        require(member > 1, SpecialMember(member));
        bytes32 digest = _digest(sequence, header);
        Posting storage p = _expected(sequence, digest);
        require(p.state == POSTED, WrongState(sequence, p.state));
        registry.requireSignedBy(member, keccak256(abi.encode(REFUTE, member, sequence, digest)), signature);
        uint8 reason = _firstFault(_day(member, header, p.postedAt), opening);
        require(reason != Reasons.NONE, NothingWrong(sequence, member));
        _void(sequence, p, reason);
    }

    // Internal

    function _checkHeader(Header calldata h) private view {
        uint32 first = registry.firstWindow();
        require(h.window >= first, WindowBeforeBeginning(h.window, first));
        require(h.revision == 0, RevisionNotOpen(h.revision));
        uint64 cutOff = uint64(registry.windowEnd(h.window) + registry.closeDelay());
        require(h.asOf == cutOff, WrongCutOff(h.asOf, cutOff));
        require(block.timestamp >= cutOff, TooEarly(cutOff));
        require(h.statementsRoot != 0 && h.resultsRoot != 0 && h.sourcesRoot != 0, ZeroRoot());
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

    function _auditor() private view returns (uint8 index, uint32 bit) {
        index = registry.auditorIndex(msg.sender);
        bit = uint32(1) << index;
    }

    /// @dev INVARIANT: the only way out of POSTED besides finality, and only from POSTED.
    function _void(uint64 sequence, Posting storage p, uint8 reason) private {
        require(p.state == POSTED, WrongState(sequence, p.state));
        p.state = VOID;
        delete live[p.window];
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
        (Membership[] memory memberships, Terms[] memory itsTerms) = agreements.liveMemberships(day.member, day.window);
        for (uint256 j = 0; j < itsTerms.length; j++) {
            require(itsTerms[j].publicDisputes, NotPublic(memberships[j].agreement));
        }
        (uint32[] memory ids, Binding[] memory bindings) = registry.liveBindings(day.member, day.window);
        return Refutation.firstFault(day, ids, bindings, memberships, itsTerms, opening);
    }
}
