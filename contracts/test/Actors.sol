// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Join} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Anchor} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Community} from "./Community.sol";
import {Grove} from "./Day.sol";

/// @dev Everybody who may act on a community, acting at random; a call that the rules forbid is tried too. Members 2 and 3 have no meters
/// and no agreements, so an honest statement of theirs is the empty leaf, and a posting is honest or lies by one line. Members 4 and 5 bind and
/// join. Ghost state says what must be.
contract Actors is Community {
    uint32 internal constant WINDOWS = 3;
    uint8 internal constant POSTED = 1;
    uint8 internal constant VOID = 2;
    uint8 internal constant FINAL = 3;

    uint256 public clock;
    Header[] internal headers;
    uint8[] internal states;
    bool[] internal lies;
    uint256[] internal finalAt;
    uint256 public batches;
    mapping(uint32 reader => mapping(uint32 window => uint16 count)) public anchored;
    uint32 internal agreement;

    modifier timed() {
        vm.warp(clock);
        _;
        watch();
    }

    function setUp() public override {
        super.setUp();
        for (uint32 m = 4; m < 6; m++) {
            vm.prank(operator);
            registry.addMember(m, vm.addr(MEMBER_KEY + m));
        }
        agreement = offer(someTerms(0, 0));
        offer(someTerms(3, 1));
        // sequences count from 1
        headers.push();
        states.push(0);
        lies.push(false);
        finalAt.push(0);
        clock = registry.windowEnd(EARLIEST) + CLOSE_DELAY;
        vm.warp(clock);
    }

    // Time

    function passes(uint32 some) public timed {
        uint256[5] memory steps = [uint256(1 hours), 12 hours, 1 days, 3 days + 1, OBJECTION];
        clock += steps[some % 5];
        vm.warp(clock);
    }

    // Operator

    function operatorPosts(uint32 w, bool lie) public timed {
        tryPost(windowOf(w), lie);
    }

    /// @dev A posting whose header is off in one field is never taken.
    function operatorPostsAmiss(uint32 w, uint8 field) public timed {
        Header memory h = nextHeader(windowOf(w), false);
        uint64 sequence = settlement.nextSequence();
        if (field % 5 == 0) sequence += 1;
        else if (field % 5 == 1) h.revision += 1;
        else if (field % 5 == 2) h.asOf = uint64(clock) + 1;
        else if (field % 5 == 3) h.statementsRoot = 0;
        else h.window = EARLIEST - 1;
        vm.prank(operator);
        try settlement.post(sequence, h) {
            revert Untrue("posted amiss");
        } catch {}
    }

    function operatorAppoints(uint8 who) public timed {
        uint8 next = registry.auditorCount();
        vm.prank(operator);
        try registry.appointAuditor(next, vm.addr(AUDITOR_KEY + who % 6)) {} catch {}
    }

    function operatorDismisses(uint8 who) public timed {
        vm.prank(operator);
        try registry.dismissAuditor(who % 6) {} catch {}
    }

    // Members

    function memberDemands(uint32 m, uint64 some, bool publicly) public timed {
        tryDemand(2 + m % 2, sequenceOf(some), publicly);
    }

    function memberRefutes(uint32 m, uint64 some) public timed {
        uint64 sequence = sequenceOf(some);
        if (sequence == 0) return;
        uint32 member = 2 + m % 2;
        bytes32 act = keccak256(
            abi.encode(
                keccak256("Refute(uint32 member,uint64 sequence,bytes32 posting)"), member, sequence, digestOf(sequence, headers[sequence])
            )
        );
        bytes memory signature = signed(MEMBER_KEY + member, act);
        try settlement.refute(sequence, member, headers[sequence], openingOf(sequence, member), signature) {
            yes(lies[sequence] && member == 2, "I11: an honest posting fell");
        } catch {}
    }

    function memberBinds(uint32 m, uint32 meter, uint8 at, uint16 from, uint16 length) public timed {
        uint32 member = 4 + m % 2;
        uint32 first = uint32(clock / 1 days) + 1 + from % 12;
        Bind memory b =
            Bind(member, bytes32(uint256(1 + meter % 5)), at % 2, at / 2 % 5, first, first + length % 40, registry.auditorsHash());
        bytes memory signature = signed(MEMBER_KEY + member, hashOf(b));
        try registry.bind(b, signature) {} catch {}
    }

    function bindingEnds(uint32 id, uint16 day, bool byOperator) public timed {
        id = 1 + id % (registry.bindingCount() + 1);
        uint32 endDay = uint32(clock / 1 days) + 1 + day % 20;
        bytes memory signature;
        if (byOperator) {
            vm.prank(operator);
        } else {
            signature =
                signed(MEMBER_KEY + 4 + day % 2, keccak256(abi.encode(keccak256("Unbind(uint32 binding,uint32 endDay)"), id, endDay)));
        }
        try registry.unbind(id, endDay, signature) {} catch {}
    }

    function memberJoins(uint32 m, uint32 a, uint16 from, uint16 length) public timed {
        uint32 first = uint32(clock / 1 days) + 1 + from % 12;
        Join memory j = Join(4 + m % 2, agreement + a % 2, 3, first, first + length % 40, bytes32("p"));
        try this.joinOf(j) {} catch {}
    }

    function joinOf(Join calldata j) external {
        join(j);
    }

    function memberLeaves(uint32 m, uint32 membership, uint16 day) public timed {
        uint32 member = 4 + m % 2;
        membership = membership % 33;
        uint32 endDay = uint32(clock / 1 days) + 1 + day % 20;
        bytes32 act = keccak256(abi.encode(keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)"), member, membership, endDay));
        bytes memory signature = signed(MEMBER_KEY + member, act);
        try agreements.leave(member, membership, endDay, signature) {} catch {}
    }

    // Readers, and who carries for them

    function readerAnchors(uint32 r, uint32 w, uint16 revision, uint8 root) public timed {
        (r, w, revision) = (r % 2, windowOf(w), revision % 4);
        Anchor memory a = anAnchor(r, w, revision, bytes32(uint256(root % 4)));
        try readingLog.anchor(a) returns (uint64 batch) {
            count(batch, r, w, revision);
        } catch {}
    }

    function carrierAnchorsMany(uint32 w, uint16 revision, uint8 root, bool spoilt) public timed {
        (w, revision) = (windowOf(w), revision % 4);
        Anchor[] memory list = new Anchor[](2);
        uint16[2] memory was;
        for (uint32 r = 0; r < 2; r++) {
            was[r] = readingLog.count(r, w);
            list[r] = anAnchor(r, w, revision, bytes32(uint256(root % 4)));
        }
        if (spoilt) list[0].signature[3] ^= 0x01;
        uint64 batch = readingLog.anchorMany(dense(list));
        uint256 fresh = 0;
        for (uint32 r = 0; r < 2; r++) {
            uint16 now_ = readingLog.count(r, w);
            if (now_ == was[r]) continue;
            yes(now_ == was[r] + 1 && revision == was[r] && !(spoilt && r == 0), "one more, of the next revision, signed");
            anchored[r][w] += 1;
            fresh++;
        }
        yes((batch != 0) == (fresh != 0), "a batch holds what is new");
        if (batch != 0) batches++;
    }

    // Auditors

    function auditorActs(uint8 who, uint64 some, uint8 what, uint32 m) public timed {
        uint64 sequence = sequenceOf(some);
        if (sequence == 0) return;
        tryAudit(vm.addr(AUDITOR_KEY + who % 6), sequence, what, 2 + m % 2);
    }

    function auditorResigns(uint8 who) public timed {
        vm.prank(vm.addr(AUDITOR_KEY + who % 6));
        try registry.resignAuditor() {} catch {}
    }

    // Anyone

    function anyoneActs(uint64 some, uint8 what, uint32 m) public timed {
        uint64 sequence = sequenceOf(some);
        if (sequence == 0) return;
        tryAnyone(sequence, what, 2 + m % 2);
    }

    /// @dev Who is nobody gets nothing done that needs a role.
    function strangerTries(uint8 what, uint64 some) public timed {
        address stranger = vm.addr(0xBAD);
        uint64 sequence = sequenceOf(some);
        bytes memory call = abi.encodeCall(settlement.post, (settlement.nextSequence(), nextHeader(windowOf(uint32(some)), false)));
        bytes32 digest = sequence == 0 ? bytes32(0) : digestOf(sequence, headers[sequence]);
        if (what % 8 == 1) call = abi.encodeCall(settlement.attest, (sequence, digest));
        if (what % 8 == 2) call = abi.encodeCall(settlement.contest, (sequence, digest));
        if (what % 8 == 3) call = abi.encodeCall(settlement.voidByAuditor, (sequence, digest));
        if (what % 8 == 4) call = abi.encodeCall(settlement.confirmDelivery, (sequence, digest, 2));
        if (what % 8 == 5) call = abi.encodeCall(registry.addMember, (registry.memberCount(), stranger));
        if (what % 8 == 6) call = abi.encodeCall(registry.resignAuditor, ());
        if (what % 8 == 7) call = abi.encodeCall(registry.unbind, (1, type(uint32).max - 1, ""));
        vm.prank(stranger);
        (bool done,) = (what % 8 < 5 ? address(settlement) : address(registry)).call(call);
        yes(!done, "I8: a stranger did what needs a role");
    }

    // What they have in common

    function tryPost(uint32 window, bool lie) internal returns (uint64 sequence) {
        Header memory h = nextHeader(window, lie);
        sequence = settlement.nextSequence();
        vm.prank(operator);
        try settlement.post(sequence, h) {
            headers.push(h);
            states.push(POSTED);
            lies.push(lie);
            finalAt.push(0);
        } catch {
            sequence = 0;
        }
    }

    function tryDemand(uint32 member, uint64 sequence, bool publicly) internal {
        if (sequence == 0) return;
        bytes32 digest = digestOf(sequence, headers[sequence]);
        bytes32 kind = keccak256("Demand(uint32 member,uint64 sequence,bytes32 posting,bool publicAnswer)");
        bytes memory signature = signed(MEMBER_KEY + member, keccak256(abi.encode(kind, member, sequence, digest, publicly)));
        try settlement.demand(sequence, digest, member, publicly, signature) {} catch {}
    }

    function tryAudit(address who, uint64 sequence, uint8 what, uint32 member) internal {
        bytes32 digest = digestOf(sequence, headers[sequence]);
        vm.prank(who);
        if (what % 5 == 0) {
            try settlement.attest(sequence, digest) {} catch {}
        } else if (what % 5 == 1) {
            try settlement.contest(sequence, digest) {} catch {}
        } else if (what % 5 == 2) {
            try settlement.voidByAuditor(sequence, digest) {} catch {}
        } else if (what % 5 == 3) {
            try settlement.confirmDelivery(sequence, digest, member) {} catch {}
        } else {
            try readingLog.recordWithheld(0, headers[sequence].window) {} catch {}
        }
    }

    function tryAnyone(uint64 sequence, uint8 what, uint32 member) internal {
        bytes32 digest = digestOf(sequence, headers[sequence]);
        if (what % 3 == 0) {
            try settlement.finalise(sequence, digest) {} catch {}
        } else if (what % 3 == 1) {
            try settlement.voidOverdue(sequence, digest, member) {} catch {}
        } else {
            try settlement.answer(sequence, member, headers[sequence], openingOf(sequence, member)) {} catch {}
        }
    }

    function windowOf(uint32 some) internal pure returns (uint32) {
        return EARLIEST + some % WINDOWS;
    }

    /// @dev Often the newest.
    function sequenceOf(uint64 some) internal view returns (uint64) {
        uint64 last = uint64(headers.length) - 1;
        if (last == 0) return 0;
        return some % 2 == 0 ? last : 1 + some / 2 % last;
    }

    /// @dev What the operator has to post next for the window, honest or not.
    function nextHeader(uint32 window, bool lie) internal view returns (Header memory h) {
        uint64 before = settlement.newestFinal(window);
        h.window = window;
        h.asOf = uint64(registry.windowEnd(window) + CLOSE_DELAY);
        if (before != 0) (h.revision, h.asOf) = (headers[before].revision + 1, uint64(clock));
        (h.statementsRoot,) = Grove.grow(leavesOf(h, lie), 2, DEPTH);
        (h.resultsRoot, h.sourcesRoot) = ("r", "o");
    }

    /// @dev Of members 2 and 3: no lines and net 0, but for the lie.
    function leavesOf(Header memory h, bool lie) internal view returns (bytes32[] memory leaves) {
        leaves = new bytes32[](2);
        if (!lie) return leaves;
        bytes32 lines = keccak256(abi.encodePacked(bytes1(0x15), bytes32("salt"), "a line"));
        leaves[0] = keccak256(
            abi.encodePacked(bytes1(0x11), registry.community(), h.window, h.revision, uint32(2), lines, int128(-7), bytes32("other"))
        );
    }

    function openingOf(uint64 sequence, uint32 member) internal view returns (Opening memory o) {
        Header memory h = headers[sequence];
        (, bytes32[][] memory proofs) = Grove.grow(leavesOf(h, lies[sequence]), 2, DEPTH);
        o.statement.proof = proofs[member - 2];
        o.statement.empty = !lies[sequence] || member != 2;
        if (o.statement.empty) return o;
        (o.statement.community, o.statement.window, o.statement.revision) = (registry.community(), h.window, h.revision);
        (o.statement.index, o.statement.linesSalt, o.statement.lines) = (member, bytes32("salt"), "a line");
        (o.statement.net, o.statement.salt) = (-7, bytes32("other"));
    }

    function digestOf(uint64 sequence, Header memory h) internal view returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                bytes1(0x17), registry.community(), sequence, h.window, h.revision, h.asOf, h.statementsRoot, h.resultsRoot, h.sourcesRoot
            )
        );
    }

    function count(uint64 batch, uint32 r, uint32 w, uint16 revision) private {
        if (batch == 0) return;
        eq(revision, anchored[r][w], "revisions count up by one");
        anchored[r][w] += 1;
        batches++;
        eq(batch, batches, "batches count up by one");
    }

    /// @dev I10, after every act: posted → void or final, once; what is posted stays as it is.
    function watch() internal {
        for (uint64 s = 1; s < headers.length; s++) {
            (,,,, uint8 state,,, bytes32 digest) = settlement.posting(s);
            eq(digest, digestOf(s, headers[s]), "a posting is never overwritten");
            if (state == states[s]) continue;
            yes(states[s] == POSTED && (state == VOID || state == FINAL), "I10");
            states[s] = state;
            if (state == FINAL) finalAt[s] = clock;
        }
    }
}
