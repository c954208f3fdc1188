// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Anchor, IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind, IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, ISettlement} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {Community} from "./Community.sol";
import {Vm} from "./Vm.sol";

/// @dev Each act tells exactly what it did: whoever follows the events alone knows the state.
contract EventsTest is Community {
    bytes32 private constant DEMAND = keccak256("Demand(uint32 member,uint64 sequence,bytes32 posting,bool publicAnswer)");

    Header private header;
    bytes32 private digest;

    /// @dev The only log since `recordLogs`: its emitter, topics in order (0 for none), data.
    function said(address emitter, bytes32 kind, uint256 first, uint256 second, uint256 third, bytes memory data) private {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 1, "one event");
        eq(logs[0].emitter, emitter, "emitter");
        eq(logs[0].topics[0], kind, "kind");
        uint256[3] memory topics = [first, second, third];
        for (uint256 i = 1; i < logs[0].topics.length; i++) {
            eq(uint256(logs[0].topics[i]), topics[i - 1], "topic");
        }
        eq(keccak256(logs[0].data), keccak256(data), "data");
    }

    function post() private returns (uint64 sequence) {
        header = Header(EARLIEST, 0, uint64(registry.windowEnd(EARLIEST) + CLOSE_DELAY), bytes32("s"), bytes32("r"), bytes32("o"));
        if (block.timestamp < header.asOf) vm.warp(header.asOf);
        sequence = settlement.nextSequence();
        digest = keccak256(
            abi.encodePacked(
                bytes1(0x17), registry.community(), sequence, EARLIEST, uint16(0), header.asOf, bytes32("s"), bytes32("r"), bytes32("o")
            )
        );
        vm.recordLogs();
        vm.prank(operator);
        settlement.post(sequence, header);
    }

    function test_members_and_readers() public {
        vm.recordLogs();
        Registry fresh = new Registry(constants(), operator, new address[](0));
        Vm.Log[] memory logs = vm.getRecordedLogs();
        eq(logs.length, 2, "two special members");
        for (uint256 m = 0; m < 2; m++) {
            yes(logs[m].emitter == address(fresh) && logs[m].topics[0] == IRegistry.MemberAdded.selector, "added");
            eq(uint256(logs[m].topics[1]), m, "index");
            eq(keccak256(logs[m].data), keccak256(abi.encode(operator)), "the operator's account");
        }
        address someone = vm.addr(77);
        vm.recordLogs();
        vm.prank(operator);
        registry.addMember(4, someone);
        said(address(registry), IRegistry.MemberAdded.selector, 4, 0, 0, abi.encode(someone));
        address next = vm.addr(78);
        bytes memory signature =
            signed(77, keccak256(abi.encode(keccak256("RotateAccount(uint32 member,address account)"), uint32(4), next)));
        vm.recordLogs();
        registry.rotateAccount(4, next, signature);
        said(address(registry), IRegistry.AccountRotated.selector, 4, 0, 0, abi.encode(someone, next));
        vm.recordLogs();
        vm.prank(operator);
        registry.addReader(2, 1, readerKey(2), 0);
        said(address(registry), IRegistry.ReaderAdded.selector, 2, 0, 0, abi.encode(1, readerKey(2), 0));
        bytes32 kind = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");
        signature = signed(READER_KEY + 2, keccak256(abi.encode(kind, uint32(2), uint8(1), readerKey(9), bytes32(0))));
        vm.recordLogs();
        registry.rotateReader(2, 1, readerKey(9), 0, signature);
        said(address(registry), IRegistry.ReaderRotated.selector, 2, 0, 0, abi.encode(1, readerKey(9), 0));
    }

    function test_bindings() public {
        Bind memory b = aBind(3, 1, 6);
        bytes memory signature = signed(MEMBER_KEY + 3, hashOf(b));
        vm.recordLogs();
        registry.bind(b, signature);
        said(address(registry), IRegistry.MeterBound.selector, 1, 3, 1, abi.encode(b.meter, 6, EARLIEST, OPEN));
        vm.recordLogs();
        vm.prank(operator);
        registry.unbind(1, EARLIEST + 3, "");
        said(address(registry), IRegistry.MeterUnbound.selector, 1, 0, 0, abi.encode(EARLIEST + 3));
    }

    function test_auditors() public {
        address third = vm.addr(79);
        vm.recordLogs();
        vm.prank(operator);
        registry.appointAuditor(2, third);
        said(address(registry), IRegistry.AuditorAppointed.selector, 2, 0, 0, abi.encode(third, block.timestamp + 30 days));
        vm.recordLogs();
        vm.prank(operator);
        registry.dismissAuditor(2);
        said(address(registry), IRegistry.AuditorDismissed.selector, 2, 0, 0, abi.encode(block.timestamp + 30 days));
        vm.recordLogs();
        vm.prank(auditor);
        registry.resignAuditor();
        said(address(registry), IRegistry.AuditorResigned.selector, 0, 0, 0, abi.encode(block.timestamp));
    }

    function test_agreements() public {
        Terms memory t = someTerms(3, 1);
        t.steward = 2;
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(t, 0));
        vm.recordLogs();
        agreements.offer(t, 0, signature);
        said(address(agreements), IAgreements.AgreementOffered.selector, 1, 2, 0, abi.encode(t));
        Join memory j = Join(3, 1, 2, EARLIEST + 1, EARLIEST + 9, bytes32("p"));
        vm.recordLogs();
        join(j);
        said(address(agreements), IAgreements.MemberJoined.selector, 1, 3, 0, abi.encode(0, 2, EARLIEST + 1, EARLIEST + 9, bytes32("p")));
        bytes32 leave = keccak256(
            abi.encode(keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)"), uint32(3), uint32(0), uint32(EARLIEST + 4))
        );
        signature = signed(MEMBER_KEY + 3, leave);
        vm.recordLogs();
        agreements.leave(3, 0, EARLIEST + 4, signature);
        said(address(agreements), IAgreements.MemberLeft.selector, 1, 3, 0, abi.encode(0, EARLIEST + 4));
    }

    function test_readings() public {
        vm.warp(registry.windowEnd(EARLIEST));
        Anchor memory a = anAnchor(1, EARLIEST, 0, keccak256("root"));
        vm.recordLogs();
        readingLog.anchor(a);
        bytes memory entry = abi.encodePacked(uint32(1), uint16(0), keccak256("root"));
        said(address(readingLog), IReadingLog.Anchored.selector, EARLIEST, 1, 0, abi.encode(block.timestamp, 0, entry));
        vm.recordLogs();
        vm.prank(auditor);
        readingLog.recordWithheld(0, EARLIEST);
        said(address(readingLog), IReadingLog.Withheld.selector, 0, EARLIEST, 0, abi.encode(auditor));
    }

    function test_a_posting_and_what_auditors_say() public {
        post();
        bytes memory data = abi.encode(uint16(0), header.asOf, bytes32("s"), bytes32("r"), bytes32("o"), digest);
        said(address(settlement), ISettlement.Posted.selector, 1, EARLIEST, 0, data);
        vm.recordLogs();
        vm.prank(secondAuditor);
        settlement.attest(1, digest);
        said(address(settlement), ISettlement.Attested.selector, 1, 0, 0, abi.encode(1));
        vm.recordLogs();
        vm.prank(secondAuditor);
        settlement.contest(1, digest);
        said(address(settlement), ISettlement.Contested.selector, 1, 0, 0, abi.encode(1));
        vm.recordLogs();
        vm.prank(auditor);
        settlement.voidByAuditor(1, digest);
        said(address(settlement), ISettlement.Voided.selector, 1, EARLIEST, 0, abi.encode(0, auditor));
    }

    function test_demands_and_finality() public {
        post();
        bytes memory signature = signed(MEMBER_KEY + 2, keccak256(abi.encode(DEMAND, uint32(2), uint64(1), digest, true)));
        vm.recordLogs();
        settlement.demand(1, digest, 2, true, signature);
        said(address(settlement), ISettlement.Demanded.selector, 1, 2, 0, abi.encode(block.timestamp + 3 days, true));
        vm.recordLogs();
        vm.prank(auditor);
        settlement.confirmDelivery(1, digest, 2);
        said(address(settlement), ISettlement.Answered.selector, 1, 2, 0, abi.encode(auditor, false));
        vm.warp(block.timestamp + OBJECTION);
        vm.recordLogs();
        settlement.finalise(1, digest);
        said(address(settlement), ISettlement.Finalised.selector, 1, EARLIEST, 0, "");
    }
}
