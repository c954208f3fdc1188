// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, ISettlement, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {Attacking} from "./Attacks.sol";

/// @dev An auditor out of spite, or the operator's puppet; see docs/attacks.md.
contract AuditorAttacksTest is Attacking {
    function setUp() public override {
        super.setUp();
        settle(2, 2);
    }

    function as_(address who, bytes memory call, bytes memory reason) private {
        if (reason.length != 0) vm.expectRevert(reason);
        vm.prank(who);
        (bool ok,) = address(settlement).call(call);
        yes(ok, "call");
    }

    /// @dev One void, then words only: the next posting becomes final on its day, and carries the objection.
    function test_voiding_an_honest_window() public {
        (Header memory h, Opening memory o) = honest();
        bytes32 first = digestOf(holds(o), h);
        as_(auditor, abi.encodeCall(settlement.voidByAuditor, (1, first)), "");
        uint64 again = post(h);
        bytes32 named = digestOf(again, h);
        bytes memory before = abi.encodeWithSelector(ISettlement.VoidedBefore.selector, WINDOW, 0);
        as_(auditor, abi.encodeCall(settlement.voidByAuditor, (again, named)), before);
        as_(auditor, abi.encodeCall(settlement.contest, (again, named)), "");
        finaliseAfterObjection(again, h);
        (,,,,,, uint32 contested,) = settlement.posting(again);
        eq(contested, 1, "contested");
    }

    function test_attesting_what_is_wrong() public {
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        bytes32 named = digestOf(1, h);
        post(h);
        as_(auditor, abi.encodeCall(settlement.attest, (1, named)), "");
        as_(secondAuditor, abi.encodeCall(settlement.attest, (1, named)), "");
        bytes memory signature = wish(1, h);
        vm.recordLogs();
        settlement.refute(1, MEMBER, h, o, signature);
        voidedFor(1, Reasons.NET_DIFFERS);
    }

    /// @dev It lets the operator replace; it does not make it. And it comes too late for what is posted.
    function test_recording_an_honest_reader_as_withholding() public {
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW);
        vm.expectRevert(abi.encodeWithSelector(IReadingLog.AlreadyRecorded.selector, 0, WINDOW));
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW);
        vm.warp(block.timestamp + 1);
        (, Opening memory o) = honest();
        finaliseAfterObjection(holds(o), commit(o));
    }

    function test_recording_after_the_posting() public {
        Opening memory o = replaced(0);
        (o.meters[0].challenge, o.meters[0].pack) = (true, packs[0]);
        Header memory h = commit(o);
        uint64 sequence = post(h);
        vm.warp(block.timestamp + 1);
        vm.prank(auditor);
        readingLog.recordWithheld(0, WINDOW);
        bytes memory signature = wish(sequence, h);
        vm.recordLogs();
        settlement.refute(sequence, MEMBER, h, o, signature);
        voidedFor(sequence, Reasons.REPLACEMENT_UNFOUNDED);
    }

    /// @dev A false confirmation answers the demand of one member for one posting; the member still refutes.
    function test_confirming_what_was_not_delivered() public {
        (, Opening memory o) = honest();
        o.statement.net -= 1;
        header = commit(o);
        uint64 sequence = post(header);
        demand(MEMBER, sequence, false);
        confirm(MEMBER, sequence);
        refuseDemand(MEMBER, sequence, false, abi.encodeWithSelector(ISettlement.DemandedBefore.selector, MEMBER, sequence));
        bytes memory signature = wish(sequence, header);
        vm.recordLogs();
        settlement.refute(sequence, MEMBER, header, o, signature);
        voidedFor(sequence, Reasons.NET_DIFFERS);
    }

    function test_confirming_before_it_is_demanded() public {
        (Header memory h,) = honest();
        header = h;
        post(h);
        as_(auditor, abi.encodeCall(settlement.confirmDelivery, (1, digest(1), MEMBER)), noDemand(1, MEMBER));
    }

    /// @dev All auditors leave while a demand is open: it is overdue, the posting void, the next one final; what was attested stays attested.
    function test_resigning_in_the_middle() public {
        (Header memory h,) = honest();
        header = h;
        post(h);
        as_(auditor, abi.encodeCall(settlement.attest, (1, digest(1))), "");
        demand(MEMBER, 1, false);
        for (uint256 i = 0; i < 2; i++) {
            address who = i == 0 ? auditor : secondAuditor;
            vm.prank(who);
            registry.resignAuditor();
            bytes memory gone = abi.encodeWithSelector(IRegistry.NotAuditor.selector, who);
            as_(who, abi.encodeCall(settlement.confirmDelivery, (1, digest(1), MEMBER)), gone);
            as_(who, abi.encodeCall(settlement.attest, (1, digest(1))), gone);
        }
        vm.warp(block.timestamp + ANSWER_TIME + 1);
        vm.recordLogs();
        settlement.voidOverdue(1, digest(1), MEMBER);
        voidedFor(1, Reasons.DEMAND_OVERDUE);
        finaliseAfterObjection(post(h), h);
        (,,,,, uint32 attested,,) = settlement.posting(1);
        eq(attested, 1, "attested");
    }

    /// @dev Announced for 30 days, in which nothing can be done in the new name, and the old ones still can.
    function test_the_operators_puppet() public {
        address puppet = vm.addr(0xF00);
        bytes32 consented = registry.auditorsHash();
        vm.prank(operator);
        registry.appointAuditor(2, puppet);
        vm.prank(operator);
        registry.dismissAuditor(0);
        yes(registry.auditorsHash() != consented, "announced at once");
        uint256 announced = block.timestamp;
        (Header memory h,) = honest();
        post(h);
        bytes memory attesting = abi.encodeCall(settlement.attest, (1, digestOf(1, h)));
        bytes memory notYet = abi.encodeWithSelector(IRegistry.NotAuditor.selector, puppet);
        vm.warp(announced + 30 days - 1);
        as_(puppet, attesting, notYet);
        vm.expectRevert(notYet);
        vm.prank(puppet);
        readingLog.recordWithheld(0, WINDOW);
        as_(auditor, attesting, "");
        vm.warp(announced + 30 days);
        as_(puppet, attesting, "");
        as_(auditor, attesting, abi.encodeWithSelector(IRegistry.NotAuditor.selector, auditor));
        // in whose name is on record for ever
        (,,,,, uint32 attested,,) = settlement.posting(1);
        eq(attested, 5, "auditors 0 and 2");
    }

    function test_more_than_32_auditors_ever() public {
        for (uint8 i = 2; i < 32; i++) {
            vm.prank(operator);
            registry.appointAuditor(i, vm.addr(0x1000 + i));
        }
        vm.expectRevert(abi.encodeWithSelector(IRegistry.TooManyAuditors.selector, 33));
        vm.prank(operator);
        registry.appointAuditor(32, vm.addr(0x1032));
        // who is named, was dismissed or has resigned comes back under no other index
        vm.prank(auditor);
        registry.resignAuditor();
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotAuditor.selector, auditor));
        vm.prank(auditor);
        registry.resignAuditor();
    }
}
