// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Actors} from "./Actors.sol";

/// @dev I9: one role does what it can, between and after the steps of the honest others, for as long as it likes; an honest window becomes
/// final all the same, within two postings and the time that two take.
contract NoStallTest is Actors {
    uint256 private constant AT_WORST = 2 * (uint256(OBJECTION) + 3 days + 24 hours) + 4 days;

    enum Adversary {
        Member,
        Auditor,
        Reader,
        Steward,
        Carrier
    }

    function settled(Adversary who, bool auditorsSleep, uint256[24] memory acts) private {
        uint32 window = EARLIEST;
        uint256 start = clock;
        uint256 postings = 0;
        for (uint256 turn = 0; settlement.newestFinal(window) == 0; turn++) {
            vm.warp(clock);
            uint64 live = settlement.live(window);
            if (live == 0) {
                live = tryPost(window, false);
                postings++;
                yes(live != 0 && postings <= 2, "I9: a second posting is enough");
            }
            harm(who, live, acts[turn % 24]);
            if (!auditorsSleep && who != Adversary.Auditor) tryAudit(auditor, live, 3, 2);
            if (acts[turn % 24] % 2 == 0) tryAnyone(live, 2, 2);
            tryAnyone(live, 1, 2);
            tryAnyone(live, 0, 2);
            watch();
            yes(clock <= start + AT_WORST, "I9: final in time");
            clock += 12 hours;
        }
    }

    /// @dev All that the role can do by itself, at one time.
    function harm(Adversary who, uint64 sequence, uint256 act) private {
        if (act % 3 == 0) return;
        if (who == Adversary.Member) {
            tryDemand(2, sequence, act % 5 == 0);
            memberRefutes(2, sequence * 2);
        } else if (who == Adversary.Auditor) {
            tryAudit(secondAuditor, sequence, uint8(act >> 8), 2);
            tryAudit(secondAuditor, sequence, 2, 2);
        } else if (who == Adversary.Reader) {
            readerAnchors(0, 0, uint16(act >> 8), uint8(act >> 24));
        } else if (who == Adversary.Steward) {
            Terms memory t = someTerms(uint8(act % 5), 0);
            t.firstWindow = uint32(clock / 1 days) + 2;
            offer(t);
        } else {
            tryAnyone(sequence, uint8(act >> 8), 2);
            strangerTries(uint8(act >> 16), sequence * 2);
        }
        watch();
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_no_member_stalls(uint256[24] memory acts, bool auditorsSleep) public {
        settled(Adversary.Member, auditorsSleep, acts);
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_no_auditor_stalls(uint256[24] memory acts) public {
        settled(Adversary.Auditor, false, acts);
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_no_reader_stalls(uint256[24] memory acts) public {
        settled(Adversary.Reader, false, acts);
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_no_steward_stalls(uint256[24] memory acts) public {
        settled(Adversary.Steward, false, acts);
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: deep.fuzz.runs = 1000
    function testFuzz_no_carrier_stalls(uint256[24] memory acts) public {
        settled(Adversary.Carrier, false, acts);
    }
}
