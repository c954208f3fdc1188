// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {Bind, Binding, Constants, IRegistry, ReaderKey} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import "../lindenstrom_contracts/libraries/Errors.sol";
import {Community} from "./Community.sol";

/// @dev A smart account that accepts the signatures of one key.
contract SmartAccount {
    address private immutable owner;

    constructor(address theOwner) {
        owner = theOwner;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature) external view returns (bytes4) {
        bool ok = ecrecover(digest, uint8(signature[64]), bytes32(signature[:32]), bytes32(signature[32:64])) == owner;
        return ok ? this.isValidSignature.selector : bytes4(0);
    }
}

contract RegistryTest is Community {
    bytes32 private constant ROTATE_ACCOUNT = keccak256("RotateAccount(uint32 member,address account)");
    bytes32 private constant ROTATE_READER = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");
    bytes32 private constant UNBIND = keccak256("Unbind(uint32 binding,uint32 endDay)");

    function rotation(uint256 key, uint32 member, address to) private view returns (bytes memory) {
        return signed(key, keccak256(abi.encode(ROTATE_ACCOUNT, member, to)));
    }

    function unbinding(uint256 key, uint32 id, uint32 endDay) private view returns (bytes memory) {
        return signed(key, keccak256(abi.encode(UNBIND, id, endDay)));
    }

    function test_beginning() public view {
        eq(registry.firstWindow(), EARLIEST, "first window");
        eq(registry.memberCount(), 4, "members");
        eq(registry.account(0), operator, "fee account");
        eq(registry.account(1), operator, "rounding account");
        eq(registry.auditorsHash(), keccak256(abi.encodePacked(auditor, secondAuditor)), "auditors");
        eq(registry.auditorIndex(secondAuditor), 1, "auditor index");
        ReaderKey memory key = registry.reader(1);
        eq(key.curve, 1, "curve");
        eq(key.keyA, readerKey(1), "key A");
        eq(key.keyB, bytes32(0), "key B");
    }

    function refuseConstants(Constants memory c, uint8 which, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ConstantOutOfRange.selector, which, value));
        new Registry(c, operator, auditors());
    }

    function test_constants_have_floors() public {
        refuseConstants(Constants(15, CLOSE_DELAY, OBJECTION, 3 days, DEPTH), 0, 15);
        refuseConstants(Constants(1, CLOSE_DELAY - 1, OBJECTION, 3 days, DEPTH), 1, CLOSE_DELAY - 1);
        refuseConstants(Constants(1, CLOSE_DELAY, OBJECTION - 1, 3 days, DEPTH), 2, OBJECTION - 1);
        refuseConstants(Constants(1, CLOSE_DELAY, OBJECTION, 3 days - 1, DEPTH), 3, 3 days - 1);
        refuseConstants(Constants(1, CLOSE_DELAY, OBJECTION, 3 days, 0), 4, 0);
        refuseConstants(Constants(1, CLOSE_DELAY, OBJECTION, 3 days, 21), 4, 21);
    }

    function test_at_most_32_auditors_at_the_beginning() public {
        address[] memory list = new address[](33);
        for (uint160 i = 0; i < 33; i++) {
            list[i] = address(0x5000 + i);
        }
        vm.expectRevert(abi.encodeWithSelector(IRegistry.TooManyAuditors.selector, 33));
        new Registry(constants(), operator, list);
        assembly ("memory-safe") {
            mstore(list, 32)
        }
        eq(new Registry(constants(), operator, list).auditorCount(), 32, "all in office");
        vm.warp(2 ** 32 + 7); // in 2106
        (, uint64 from,) = new Registry(constants(), operator, list).auditor(31);
        eq(from, 2 ** 32 + 7, "since then");
    }

    function test_auditor_is_neither_operator_nor_reader_nor_twice() public {
        address[] memory list = auditors();
        list[1] = operator;
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, operator));
        new Registry(constants(), operator, list);
        list[1] = auditor;
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, auditor));
        new Registry(constants(), operator, list);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AuditorConflict.selector, auditor));
        vm.prank(operator);
        registry.addReader(2, 1, bytes32(uint256(uint160(auditor))), 0);
    }

    function test_only_the_operator_adds() public {
        vm.expectRevert(abi.encodeWithSelector(NotOperator.selector, address(this)));
        registry.addMember(4, address(4));
        vm.expectRevert(abi.encodeWithSelector(NotOperator.selector, address(this)));
        registry.addReader(2, 1, readerKey(2), 0);
    }

    function test_expected_index_and_unique_account() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnexpectedIndex.selector, 5, 4));
        vm.prank(operator);
        registry.addMember(5, address(5));
        address taken = vm.addr(MEMBER_KEY + 2);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AccountTaken.selector, taken, 2));
        vm.prank(operator);
        registry.addMember(4, taken);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroAddress.selector));
        vm.prank(operator);
        registry.addMember(4, address(0));
    }

    function test_indices_are_whole_where_there_are_many_members() public {
        uint256 many = 70_000;
        vm.store(address(registry), bytes32(uint256(4)), bytes32(many)); // the length of the list of accounts
        vm.expectRevert(abi.encodeWithSelector(CommunityFull.selector, many));
        vm.prank(operator);
        registry.addMember(uint32(many), address(5));
    }

    function test_days_as_the_calendar_has_them() public view {
        // 24 November 2024, in winter time
        uint256 first = 20_051 * 96 - 4 * uint256(registry.offsetHours());
        eq(registry.firstSlot(20_051), first, "first");
        eq(registry.slotCount(20_051), 96, "count");
        eq(registry.windowEnd(20_051), (first + 96) * 900, "end");
    }

    function test_no_auditor_is_dismissed_who_never_was() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnknownAuditor.selector, 31));
        vm.prank(operator);
        registry.dismissAuditor(31);
    }

    function test_p256_reader_is_refused() public {
        vm.expectRevert(abi.encodeWithSelector(IRegistry.CurveNotSupported.selector, 2));
        vm.prank(operator);
        registry.addReader(2, 2, bytes32(uint256(1)), bytes32(uint256(2)));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.KeyMalformed.selector, bytes32(type(uint256).max), bytes32(0)));
        vm.prank(operator);
        registry.addReader(2, 1, bytes32(type(uint256).max), 0);
    }

    function test_rotation_needs_the_old_key_and_counts_once() public {
        address next = vm.addr(99);
        bytes memory bySelf = rotation(99, 2, next);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.rotateAccount(2, next, bySelf);

        bytes memory there = rotation(MEMBER_KEY + 2, 2, next);
        registry.rotateAccount(2, next, there);
        eq(registry.account(2), next, "rotated");
        registry.rotateAccount(2, vm.addr(MEMBER_KEY + 2), rotation(99, 2, vm.addr(MEMBER_KEY + 2)));
        bytes32 digest =
            keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), keccak256(abi.encode(ROTATE_ACCOUNT, uint32(2), next))));
        yes(registry.isConsumed(digest), "consumed");
        vm.expectRevert(abi.encodeWithSelector(AlreadyCarried.selector, digest));
        registry.rotateAccount(2, next, there);
    }

    function test_reader_rotation() public {
        bytes32 act = keccak256(abi.encode(ROTATE_READER, uint32(0), uint8(1), readerKey(7), bytes32(0)));
        bytes memory byOther = signed(READER_KEY + 1, act);
        bytes memory byOld = signed(READER_KEY, act);
        vm.expectRevert(abi.encodeWithSelector(IRegistry.NotSignedByReader.selector, 0));
        registry.rotateReader(0, 1, readerKey(7), 0, byOther);
        registry.rotateReader(0, 1, readerKey(7), 0, byOld);
        eq(registry.reader(0).keyA, readerKey(7), "new key");
    }

    function test_smart_account_signs_by_eip1271() public {
        address smart = address(new SmartAccount(vm.addr(77)));
        vm.prank(operator);
        registry.addMember(4, smart);
        registry.requireSignedBy(4, keccak256("act"), signed(77, keccak256("act")));
        bytes memory wrong = signed(78, keccak256("act"));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 4));
        registry.requireSignedBy(4, keccak256("act"), wrong);
    }

    function test_malformed_signatures_are_refused() public {
        bytes memory good = signed(MEMBER_KEY + 2, keccak256("act"));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.requireSignedBy(2, keccak256("act"), "");
        // the mirrored signature with high s
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly ("memory-safe") {
            r := mload(add(good, 32))
            s := mload(add(good, 64))
        }
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory mirrored = abi.encodePacked(r, bytes32(order - uint256(s)), uint8(good[64]) == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.requireSignedBy(2, keccak256("act"), mirrored);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.requireSignedBy(2, keccak256("act"), abi.encodePacked(good, uint8(0)));
        // one byte short by its length, with the missing byte right behind it in the call
        bytes memory short = abi.encodeCall(registry.requireSignedBy, (2, keccak256("act"), good));
        short[4 + 3 * 32 + 31] = bytes1(uint8(64));
        (bool ok, bytes memory answer) = address(registry).call(short);
        yes(!ok && keccak256(answer) == keccak256(abi.encodeWithSelector(NotSignedBy.selector, 2)), "refused for its length");
    }

    function test_domain_follows_the_chain_id_community_does_not() public {
        bytes32 community = registry.community();
        eq(registry.domainSeparator(), community, "same at home");
        bytes memory here = signed(MEMBER_KEY + 2, keccak256("act"));
        vm.chainId(4242);
        eq(registry.community(), community, "community stays");
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        eq(
            registry.domainSeparator(),
            keccak256(abi.encode(kind, keccak256("Lindenstrom"), keccak256("1"), uint256(4242), address(registry))),
            "rebuilt"
        );
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.requireSignedBy(2, keccak256("act"), here);
    }

    function test_bind_and_live() public {
        Bind memory b = aBind(2, 0, 5);
        b.endDay = EARLIEST + 10;
        eq(bind(b), 1, "first id");
        (uint32 member, bytes32 meter, uint32 atReader, uint32 position, uint32 fromDay, uint32 endDay) = registry.binding(1);
        yes(member == 2 && meter == b.meter && atReader == 0 && position == 5, "stored");
        yes(fromDay == EARLIEST && endDay == EARLIEST + 10, "dates");
        eq(live(2, EARLIEST - 1), 0, "before");
        eq(live(2, EARLIEST), 1, "first day");
        eq(live(2, EARLIEST + 9), 1, "last day");
        eq(live(2, EARLIEST + 10), 0, "after");
    }

    function live(uint32 member, uint32 window) private view returns (uint256) {
        (uint32[] memory ids, Binding[] memory bindings) = registry.liveBindings(member, window);
        eq(ids.length, bindings.length, "lengths");
        return ids.length;
    }

    function refuseBind(Bind memory b, bytes memory reason) private {
        bytes memory signature = signed(MEMBER_KEY + b.member, hashOf(b));
        vm.expectRevert(reason);
        registry.bind(b, signature);
    }

    function test_bind_refusals() public {
        Bind memory b = aBind(2, 0, 5);
        b.fromDay = EARLIEST - 1;
        refuseBind(b, abi.encodeWithSelector(DayTooEarly.selector, EARLIEST - 1, EARLIEST));
        b = aBind(2, 0, 5);
        b.endDay = b.fromDay;
        refuseBind(b, abi.encodeWithSelector(EmptyInterval.selector, EARLIEST, EARLIEST));
        b = aBind(2, 9, 5);
        refuseBind(b, abi.encodeWithSelector(UnknownReader.selector, 9));
        b = aBind(2, 0, 4096);
        refuseBind(b, abi.encodeWithSelector(IRegistry.PositionOutOfTree.selector, 4096, 4096));
        b = aBind(2, 0, 5);
        b.auditors = 0;
        refuseBind(b, abi.encodeWithSelector(IRegistry.AuditorsDiffer.selector, bytes32(0), registry.auditorsHash()));
        b = aBind(1, 0, 5);
        refuseBind(b, abi.encodeWithSelector(SpecialMember.selector, 1));
        b = aBind(9, 0, 5);
        refuseBind(b, abi.encodeWithSelector(UnknownMember.selector, 9));
        b = aBind(2, 0, 5);
        b.meter = 0;
        refuseBind(b, abi.encodeWithSelector(IRegistry.ZeroMeter.selector));
    }

    function test_only_the_member_consents() public {
        Bind memory b = aBind(2, 0, 5);
        bytes memory byOther = signed(MEMBER_KEY + 3, hashOf(b));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        registry.bind(b, byOther);
    }

    function test_meter_and_position_are_taken_once() public {
        bind(aBind(2, 0, 5));
        Bind memory b = aBind(3, 0, 5);
        b.position = 6;
        refuseBind(b, abi.encodeWithSelector(IRegistry.MeterTaken.selector, b.meter, 1));
        b = aBind(3, 0, 5);
        b.meter = keccak256("other");
        refuseBind(b, abi.encodeWithSelector(IRegistry.PositionTaken.selector, 0, 5, 1));
        // free again from the day it ends
        registry.unbind(1, EARLIEST + 1, unbinding(MEMBER_KEY + 2, 1, EARLIEST + 1));
        b = aBind(3, 0, 5);
        b.fromDay = EARLIEST + 1;
        eq(bind(b), 2, "next owner");
    }

    function test_at_most_four_live() public {
        for (uint32 i = 0; i < 4; i++) {
            Bind memory b = aBind(2, 0, i);
            b.endDay = EARLIEST + 5;
            bind(b);
        }
        Bind memory fifth = aBind(2, 0, 4);
        fifth.fromDay = EARLIEST + 4;
        refuseBind(fifth, abi.encodeWithSelector(TooManyLive.selector, 2));
        fifth.fromDay = EARLIEST + 5;
        bind(fifth);
        eq(live(2, EARLIEST + 4), 4, "four");
        eq(live(2, EARLIEST + 5), 1, "one");
    }

    function test_at_most_32_ever() public {
        for (uint32 i = 0; i < 32; i++) {
            Bind memory b = aBind(2, 0, i);
            (b.fromDay, b.endDay) = (EARLIEST + i, EARLIEST + i + 1);
            bind(b);
        }
        Bind memory last = aBind(2, 0, 40);
        last.fromDay = EARLIEST + 50;
        refuseBind(last, abi.encodeWithSelector(TooManyEver.selector, 2));
    }

    function test_bind_act_counts_once() public {
        Bind memory b = aBind(2, 0, 5);
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(b));
        registry.bind(b, signature);
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), hashOf(b)));
        vm.expectRevert(abi.encodeWithSelector(AlreadyCarried.selector, digest));
        registry.bind(b, signature);
    }

    function test_unbind() public {
        bind(aBind(2, 0, 5));
        vm.expectRevert(abi.encodeWithSelector(NotOperator.selector, address(this)));
        registry.unbind(1, EARLIEST + 9, "");
        bytes memory tooEarly = unbinding(MEMBER_KEY + 2, 1, EARLIEST - 1);
        vm.expectRevert(abi.encodeWithSelector(DayTooEarly.selector, EARLIEST - 1, EARLIEST));
        registry.unbind(1, EARLIEST - 1, tooEarly);
        vm.prank(operator);
        registry.unbind(1, EARLIEST + 9, "");
        bytes memory longer = unbinding(MEMBER_KEY + 2, 1, EARLIEST + 10);
        vm.expectRevert(abi.encodeWithSelector(NotShorter.selector, EARLIEST + 10, EARLIEST, EARLIEST + 9));
        registry.unbind(1, EARLIEST + 10, longer);
        // called off
        registry.unbind(1, EARLIEST, unbinding(MEMBER_KEY + 2, 1, EARLIEST));
        eq(live(2, EARLIEST), 0, "never held");
        vm.expectRevert(abi.encodeWithSelector(IRegistry.UnknownBinding.selector, 7));
        registry.unbind(7, EARLIEST + 9, "");
    }

    function test_past_days_never_change() public {
        bind(aBind(2, 0, 5));
        vm.warp((TODAY + 30) * 1 days);
        bytes memory past = unbinding(MEMBER_KEY + 2, 1, EARLIEST + 5);
        vm.expectRevert(abi.encodeWithSelector(DayTooEarly.selector, EARLIEST + 5, TODAY + 32));
        registry.unbind(1, EARLIEST + 5, past);
    }
}
