// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Membership, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Header} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Actors} from "./Actors.sol";
import {Checks} from "./Vm.sol";

/// @dev What must hold after any acts of anybody at any time.
contract Watched is Actors {
    /// @dev I10, and which posting stands for a window.
    function checkPostings() external view {
        eq(settlement.nextSequence(), headers.length, "sequences count up by one");
        for (uint32 window = EARLIEST; window < EARLIEST + WINDOWS; window++) {
            (uint64 live, uint64 newest) = (settlement.live(window), settlement.newestFinal(window));
            uint256 finals = 0;
            uint64 open = 0;
            uint64 lastFinal = 0;
            for (uint64 s = 1; s < headers.length; s++) {
                Header memory h = headers[s];
                if (h.window != window) continue;
                if (states[s] == POSTED) {
                    eq(open, 0, "one open posting a window");
                    open = s;
                }
                if (states[s] == FINAL) {
                    eq(h.revision, finals++, "finals count up from revision 0");
                    lastFinal = s;
                    checkFinal(s);
                }
            }
            eq(newest, lastFinal, "newest final");
            eq(live, open != 0 ? open : newest, "live: the open posting, else the newest final");
            if (open != 0) eq(headers[open].revision, finals, "an open correction corrects the newest final");
        }
    }

    /// @dev Members 2 and 3 are all who demand.
    function checkDemands() external view {
        for (uint64 s = 1; s < headers.length; s++) {
            uint32 expected = 0;
            for (uint32 member = 2; member < 4; member++) {
                (uint64 named, uint64 dueAt,, uint8 state) = settlement.demandOf(headers[s].window, headers[s].revision, member);
                if (named != s) continue;
                if (state == 1) expected++;
                (,,, uint64 postedAt,,,,) = settlement.posting(s);
                yes(dueAt >= postedAt + 3 days && dueAt < postedAt + OBJECTION + 3 days, "demanded in the objection period");
            }
            (uint32 open, uint64 lastAnswerAt) = settlement.demands(s);
            // with a void posting its demands have ended; later ones take their place
            if (states[s] != VOID) eq(open, expected, "open demands");
            yes(lastAnswerAt <= clock, "answered before now");
            if (states[s] != FINAL) continue;
            yes(open == 0 && finalAt[s] >= uint256(lastAnswerAt) + 24 hours, "final: all answered, a day ago");
        }
    }

    function checkFinal(uint64 s) private view {
        (,,, uint64 postedAt,,,,) = settlement.posting(s);
        yes(finalAt[s] >= uint256(postedAt) + OBJECTION, "final after the objection period");
    }

    /// @dev One act, picked by a number.
    function step(uint256 pick) external {
        (uint32 a, uint64 b) = (uint32(pick >> 32), uint64(pick >> 64));
        (uint8 c, bool d, uint16 e) = (uint8(pick >> 128), pick >> 136 & 3 == 0, uint16(pick >> 144));
        uint256 act = pick % 20;
        if (act == 0) operatorPosts(a, d);
        else if (act < 3) operatorPosts(a, false);
        else if (act == 3) operatorPostsAmiss(a, c);
        else if (act == 4) operatorAppoints(c);
        else if (act == 5 && c % 8 == 0) operatorDismisses(c);
        else if (act < 7) memberDemands(a, b, !d);
        else if (act == 7) memberRefutes(a, b);
        else if (act == 8) memberBinds(a, uint32(b), c, e, uint16(a));
        else if (act == 9) bindingEnds(a, e, d);
        else if (act == 10) memberJoins(a, uint32(b), e, uint16(a));
        else if (act == 11) memberLeaves(a, uint32(b), e);
        else if (act == 12) readerAnchors(a, uint32(b), e, c);
        else if (act == 13) carrierAnchorsMany(a, e, c, d);
        else if (act == 14) auditorActs(c, b, uint8(e), a);
        else if (act == 15) strangerTries(c, b);
        else if (act < 19) anyoneActs(b, c, a);
        else passes(a);
    }

    function checkReach() external view {
        (uint256 finals, uint256 corrections, uint256 voids, uint256 answers) = (0, 0, 0, 0);
        for (uint64 s = 1; s < headers.length; s++) {
            if (states[s] == VOID) voids++;
            if (states[s] == FINAL) finals++;
            if (states[s] == FINAL && headers[s].revision > 0) corrections++;
            (, uint64 lastAnswerAt) = settlement.demands(s);
            if (lastAnswerAt != 0) answers++;
        }
        yes(finals > 0, "final");
        yes(corrections > 0, "corrected");
        yes(voids > 0, "void");
        yes(answers > 0, "answered");
        yes(registry.bindingCount() > 0 && registry.auditorCount() > 2 && batches > 1, "acts");
    }

    function checkAnchors() external view {
        eq(readingLog.batchCount(), batches, "batches");
        for (uint64 b = 1; b <= batches; b++) {
            yes(readingLog.batchDigest(b) != 0, "every batch is on record");
        }
        for (uint32 r = 0; r < 2; r++) {
            for (uint32 w = EARLIEST; w < EARLIEST + WINDOWS; w++) {
                eq(readingLog.count(r, w), anchored[r][w], "counted once");
            }
        }
    }

    /// @dev No two bindings share a meter or a place on a day; at most four a member and day, 32 ever.
    function checkBindings() external view {
        uint32 all = registry.bindingCount();
        uint32[6] memory ever;
        for (uint32 i = 1; i <= all; i++) {
            (uint32 member, bytes32 meter, uint32 r, uint32 position, uint32 from, uint32 end) = registry.binding(i);
            yes(from <= end, "an interval");
            ever[member]++;
            uint256 together = 0;
            for (uint32 k = 1; k <= all; k++) {
                (uint32 memberK, bytes32 meterK, uint32 rK, uint32 positionK, uint32 fromK, uint32 endK) = registry.binding(k);
                if (from < end && memberK == member && fromK <= from && from < endK) together++;
                if (k <= i || !(meterK == meter || (rK == r && positionK == position))) continue;
                yes(from >= endK || fromK >= end || from == end || fromK == endK, "no kWh twice");
            }
            yes(together <= 4, "at most four at a time");
        }
        for (uint32 m = 0; m < 6; m++) {
            yes(ever[m] <= (m < 4 ? 0 : 32), "at most 32 ever");
            eq(registry.bindingsOf(m).length, ever[m], "none is left out");
        }
    }

    function checkMemberships() external view {
        for (uint32 day = uint32(clock / 1 days); day < clock / 1 days + 16; day++) {
            for (uint32 m = 4; m < 6; m++) {
                (Membership[] memory held, Terms[] memory itsTerms) = agreements.liveMemberships(m, day);
                yes(held.length <= 2 && itsTerms.length == held.length, "an agreement once at a time");
                for (uint256 i = 0; i < held.length; i++) {
                    yes(held[i].fromDay <= day && day < held[i].endDay, "lives on the day");
                    if (i > 0) yes(held[i - 1].agreement < held[i].agreement, "in running order");
                }
            }
        }
    }

    function checkAuditors() external view {
        uint8 all = registry.auditorCount();
        yes(all >= 2 && all <= 6, "an address once");
        bytes memory packed;
        for (uint8 i = 0; i < all; i++) {
            (address who, uint64 fromTime, uint64 endTime) = registry.auditor(i);
            yes(i < 2 ? fromTime <= clock : fromTime <= clock + 30 days, "announced 30 days ahead, at most");
            if (endTime == type(uint64).max) packed = abi.encodePacked(packed, who);
            else yes(endTime <= clock + 30 days, "ends within 30 days");
            try registry.auditorIndex(who) returns (uint8 index) {
                yes(index == i && fromTime <= clock && clock < endTime, "acts only in office");
            } catch {
                yes(clock < fromTime || clock >= endTime, "in office, and may act");
            }
        }
        eq(registry.auditorsHash(), keccak256(packed), "the hash names those who are not going");
    }
}

contract InvariantsTest is Checks {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Watched private actors;

    function setUp() public {
        actors = new Watched();
        actors.setUp();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[] memory s = new bytes4[](16);
        (s[0], s[1], s[2], s[3]) =
        (actors.passes.selector, actors.operatorPosts.selector, actors.operatorPostsAmiss.selector, actors.operatorAppoints.selector);
        (s[4], s[5], s[6], s[7]) =
        (actors.operatorDismisses.selector, actors.memberDemands.selector, actors.memberRefutes.selector, actors.memberBinds.selector);
        (s[8], s[9], s[10], s[11]) =
        (actors.bindingEnds.selector, actors.memberJoins.selector, actors.memberLeaves.selector, actors.readerAnchors.selector);
        (s[12], s[13], s[14], s[15]) =
        (actors.carrierAnchorsMany.selector, actors.auditorActs.selector, actors.anyoneActs.selector, actors.strangerTries.selector);
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actors), s);
    }

    /// @dev One, so that a run checks all at the cost of one.
    function invariant_postings_and_demands() public {
        vm.warp(actors.clock());
        actors.checkPostings();
        actors.checkDemands();
        actors.checkAuditors();
    }

    /// @dev What only grows is looked at when a run is over.
    function afterInvariant() public {
        vm.warp(actors.clock());
        actors.checkAnchors();
        actors.checkBindings();
        actors.checkMemberships();
    }

    function walk(uint256 seed, uint256 steps) private {
        for (uint256 i = 0; i < steps; i++) {
            actors.step(uint256(keccak256(abi.encode(seed, i))));
            if (i % 100 == 0) invariant_postings_and_demands();
        }
        invariant_postings_and_demands();
        afterInvariant();
    }

    /// @dev Longer than a run of the fuzzer, about half a year.
    /// forge-config: default.fuzz.runs = 2
    /// forge-config: deep.fuzz.runs = 100
    function testFuzz_walks(uint256 seed) public {
        walk(seed, 1000);
    }

    /// @dev The acts are not idle: they meet every fate of a posting.
    function test_a_walk_reaches_every_fate() public {
        walk(1, 3000);
        actors.checkReach();
    }
}
