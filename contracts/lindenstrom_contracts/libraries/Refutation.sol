// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Membership, Terms} from "../interfaces/IAgreements.sol";
import {IReadingLog} from "../interfaces/IReadingLog.sol";
import {Binding, IRegistry} from "../interfaces/IRegistry.sol";
import {AgreementOpening, MeterOpening, Opening, ResultOpening, StatementOpening} from "../interfaces/ISettlement.sol";
import {Clearing} from "./Clearing.sol";
import {Pack} from "./Pack.sol";
import {Reasons} from "./Reasons.sol";
import {Tree} from "./Tree.sol";

/// @notice What was opened is not what was committed. which: one of `Refutation`'s constants; index: of the meter or agreement.
error BadOpening(uint8 which, uint256 index);
/// @notice The opening does not show that replacing this meter's readings was unfounded.
error ChallengeFailed(uint256 meter);

/// @title The recomputation of a member's day
/// @notice Returns the first reason for which the posting is wrong, or NONE. INVARIANT: energy, parameters, triples and statement are used
/// only after they matched a commitment; the rest comes from storage.
library Refutation {
    uint8 internal constant STATEMENT = 1;
    uint8 internal constant METER_COUNT = 2;
    uint8 internal constant SOURCE = 3;
    uint8 internal constant PACK = 4;
    uint8 internal constant AGREEMENT_COUNT = 5;
    uint8 internal constant PARAMETERS = 6;
    uint8 internal constant RESULT = 7;

    uint16 internal constant REPLACED_REVISION = 0xFFFF;

    /// @dev The posting, from storage or checked against its digest, and the day's constants.
    struct Day {
        IReadingLog log;
        bytes32 community;
        uint256 depth;
        uint256 slots;
        uint32 member;
        uint32 window;
        uint16 revision;
        uint64 asOf;
        uint64 postedAt;
        bytes32 statementsRoot;
        bytes32 resultsRoot;
        bytes32 sourcesRoot;
    }

    function firstFault(
        Day memory day,
        uint32[] memory ids,
        Binding[] memory bindings,
        Membership[] memory memberships,
        Terms[] memory itsTerms,
        Opening calldata o
    ) internal view returns (uint8 reason) {
        reason = _statementFault(day, o.statement);
        if (reason != Reasons.NONE) return reason;

        uint256[] memory metered = new uint256[](day.slots);
        require(o.meters.length == ids.length, BadOpening(METER_COUNT, o.meters.length));
        for (uint256 i = 0; i < ids.length; i++) {
            reason = _meterFault(day, i, ids[i], bindings[i], o.meters[i], metered);
            if (reason != Reasons.NONE) return reason;
        }
        return _billFault(day, memberships, itsTerms, o, metered);
    }

    // Statement

    function _statementFault(Day memory day, StatementOpening calldata s) private pure returns (uint8) {
        bytes32 leaf = s.empty ? Tree.EMPTY : _statementLeaf(s);
        require(Tree.holds(day.statementsRoot, day.depth, leaf, day.member, s.proof), BadOpening(STATEMENT, 0));
        if (s.empty) return Reasons.NONE;
        bool fits = s.community == day.community && s.window == day.window && s.revision == day.revision && s.index == day.member;
        return fits ? Reasons.NONE : Reasons.STATEMENT_FIELD;
    }

    function _statementLeaf(StatementOpening calldata s) private pure returns (bytes32) {
        bytes32 lines = keccak256(abi.encodePacked(bytes1(0x15), s.linesSalt, s.lines));
        return keccak256(abi.encodePacked(bytes1(0x11), s.community, s.window, s.revision, s.index, lines, s.net, s.salt));
    }

    // Meters

    function _meterFault(Day memory day, uint256 i, uint32 id, Binding memory b, MeterOpening calldata m, uint256[] memory metered)
        private
        view
        returns (uint8)
    {
        bytes32 leaf = m.kind == 0 ? Tree.EMPTY : keccak256(abi.encodePacked(bytes1(0x13), m.kind, m.revision, m.replacement));
        require(Tree.holds(day.sourcesRoot, day.depth, leaf, id, m.sourceProof), BadOpening(SOURCE, i));
        if (m.kind == 0) return Reasons.SOURCE_MISSING;
        if (m.kind == 1) {
            if (m.replacement != 0) return Reasons.SOURCE_MALFORMED;
            return _anchoredFault(day, i, b, m, metered);
        }
        if (m.kind != 2 || m.revision != REPLACED_REVISION) return Reasons.SOURCE_MALFORMED;
        if (m.challenge) return _challenge(day, i, b, m, metered);
        require(keccak256(m.pack) == m.replacement, BadOpening(PACK, i));
        return _fits(day, b, m.revision, m.pack, metered) ? Reasons.NONE : Reasons.REPLACEMENT_UNFIT;
    }

    function _anchoredFault(Day memory day, uint256 i, Binding memory b, MeterOpening calldata m, uint256[] memory metered)
        private
        view
        returns (uint8)
    {
        if (day.log.count(b.reader, day.window) <= m.revision) return Reasons.SOURCE_NOT_ANCHORED;
        day.log.openRecord(b.reader, day.window, m.revision, m.record);
        if (m.record.time > day.asOf) return Reasons.SOURCE_TOO_NEW;
        if (m.hasNext) {
            day.log.openRecord(b.reader, day.window, m.revision + 1, m.next);
            if (m.next.time <= day.asOf) return Reasons.SOURCE_STALE;
        }
        bytes32 leaf = m.emptyPosition ? Tree.EMPTY : keccak256(m.pack);
        require(Tree.holds(m.record.root, day.depth, leaf, b.position, m.packProof), BadOpening(PACK, i));
        if (m.emptyPosition) return Reasons.POSITION_EMPTY;
        return _fits(day, b, m.revision, m.pack, metered) ? Reasons.NONE : Reasons.PACK_UNFIT;
    }

    /// @dev A replacement is unfounded if the newest pack anchored at the cut-off was good and no auditor had recorded the reader as withholding
    /// before the posting. Whatever does not show that reverts.
    function _challenge(Day memory day, uint256 i, Binding memory b, MeterOpening calldata m, uint256[] memory metered)
        private
        view
        returns (uint8)
    {
        uint16 revision = m.challengeRevision;
        uint16 known = day.log.count(b.reader, day.window);
        require(revision < known, ChallengeFailed(i));
        day.log.openRecord(b.reader, day.window, revision, m.record);
        require(m.record.time <= day.asOf, ChallengeFailed(i));
        if (m.hasNext) {
            day.log.openRecord(b.reader, day.window, revision + 1, m.next);
            require(m.next.time > day.asOf, ChallengeFailed(i));
        } else {
            require(known == revision + 1, ChallengeFailed(i));
        }
        uint64 withheld = day.log.withheldAt(b.reader, day.window);
        require(withheld == 0 || withheld >= day.postedAt, ChallengeFailed(i));
        bytes32 leaf = keccak256(m.pack);
        require(Tree.holds(m.record.root, day.depth, leaf, b.position, m.packProof), BadOpening(PACK, i));
        require(_fits(day, b, revision, m.pack, metered), ChallengeFailed(i));
        return Reasons.REPLACEMENT_UNFOUNDED;
    }

    function _fits(Day memory day, Binding memory b, uint16 revision, bytes calldata pack, uint256[] memory metered)
        private
        pure
        returns (bool)
    {
        return Pack.take(pack, Pack.Expected(day.community, b.meter, day.window, revision), metered) == Pack.FIT;
    }

    // Bill

    function _billFault(
        Day memory day,
        Membership[] memory memberships,
        Terms[] memory itsTerms,
        Opening calldata o,
        uint256[] memory metered
    ) private pure returns (uint8) {
        require(o.agreements.length == memberships.length, BadOpening(AGREEMENT_COUNT, o.agreements.length));
        uint256[] memory rest = new uint256[](metered.length);
        for (uint256 s = 0; s < rest.length; s++) {
            rest[s] = metered[s];
        }
        bytes memory lines;
        int256 net = 0;
        for (uint256 j = 0; j < memberships.length; j++) {
            uint8 reason = _resultFault(day, j, memberships[j], o.agreements[j]);
            if (reason != Reasons.NONE) return reason;
            bytes memory line;
            int256 amount;
            (reason, line, amount) = _line(day.depth, memberships[j], itsTerms[j], o.agreements[j], metered, rest);
            if (reason != Reasons.NONE) return reason;
            net += amount;
            lines = bytes.concat(lines, line);
        }
        // an EMPTY leaf says: no lines, net 0; the fields beside it say nothing
        bytes32 claimed = o.statement.empty ? keccak256("") : keccak256(o.statement.lines);
        if (keccak256(lines) != claimed) return Reasons.LINES_DIFFER;
        if (net != (o.statement.empty ? int128(0) : o.statement.net)) return Reasons.NET_DIFFERS;
        return Reasons.NONE;
    }

    function _resultFault(Day memory day, uint256 j, Membership memory m, AgreementOpening calldata a) private pure returns (uint8) {
        bytes32 parameters = keccak256(abi.encodePacked(bytes1(0x16), a.salt, a.weight, a.share, a.limit));
        require(parameters == m.parameters, BadOpening(PARAMETERS, j));
        bytes32 leaf = a.empty ? Tree.EMPTY : _resultLeaf(a.triplesSalt, a.triples);
        require(Tree.holds(day.resultsRoot, day.depth, leaf, m.agreement, a.proof), BadOpening(RESULT, j));
        if (a.empty) return Reasons.RESULT_MISSING;
        return a.triples.length == Clearing.TRIPLE * day.slots ? Reasons.NONE : Reasons.RESULT_LENGTH;
    }

    function _resultLeaf(bytes32 salt, bytes calldata triples) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x12), salt, triples));
    }

    /// @dev The amount is below 2^73 in size.
    function _line(
        uint256 depth,
        Membership memory m,
        Terms memory t,
        AgreementOpening calldata a,
        uint256[] memory metered,
        uint256[] memory rest
    ) private pure returns (uint8, bytes memory, int256) {
        Clearing.Rule memory rule = Clearing.ruleOf(t, depth);
        Clearing.addMember(rule, m.role, a.share, a.weight, a.limit);
        (uint8 reason, uint256 energy, uint256 worth) = Clearing.run(rule, a.triples, metered, rest);
        (uint256 taken, uint256 given) = (energy >> 128, uint128(energy));
        int256 amount = int256(uint256(uint128(worth))) - int256((worth >> 128) + taken * t.fee);
        return (reason, abi.encodePacked(m.agreement, uint64(taken), uint64(given), int128(amount)), amount);
    }

    // Levels

    /// @notice The first fault of one slot's triple, taken as what all parties share: no reading is needed to tell it.
    function levelFault(Day memory day, uint32 agreement, Terms memory t, uint256 slot, ResultOpening calldata o)
        internal
        pure
        returns (uint8)
    {
        bytes32 leaf = o.empty ? Tree.EMPTY : _resultLeaf(o.triplesSalt, o.triples);
        require(Tree.holds(day.resultsRoot, day.depth, leaf, agreement, o.proof), BadOpening(RESULT, 0));
        if (o.empty) return Reasons.RESULT_MISSING;
        if (o.triples.length != Clearing.TRIPLE * day.slots) return Reasons.RESULT_LENGTH;
        return Clearing.tripleFault(t, day.depth, o.triples[slot * Clearing.TRIPLE:(slot + 1) * Clearing.TRIPLE]);
    }
}
