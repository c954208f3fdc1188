// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {IAgreements, Join} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind, Constants, IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {AgreementOpening, Header, ISettlement, MeterOpening, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Clearing} from "../lindenstrom_contracts/libraries/Clearing.sol";
import {AlreadyCarried, CommunityFull, NotSignedBy, UnknownMember} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Attacking} from "./Attacks.sol";
import {Measured} from "./Refute.t.sol";

/// @dev A member who cheats: false openings of an honest day; see docs/attacks.md.
contract MemberAttacksTest is Attacking {
    Header private right;

    function setUp() public override {
        super.setUp();
        settle(2, 2);
        (right,) = honest();
        post(right);
    }

    function opening() private view returns (Opening memory o) {
        (, o) = honest();
    }

    function badRecord(uint32 reader, uint16 revision) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IReadingLog.BadRecord.selector, reader, WINDOW, revision);
    }

    function test_false_statements_of_an_honest_day() public {
        Opening memory o = opening();
        o.statement.net += 1;
        bounces(1, right, o, bad(1, 0));
        o = opening();
        o.statement.index = 3;
        bounces(1, right, o, bad(1, 0));
        o = opening();
        o.statement.salt = "guess";
        bounces(1, right, o, bad(1, 0));
        o = opening();
        o.statement.lines[35] ^= 0x01;
        bounces(1, right, o, bad(1, 0));
        o = opening();
        o.statement.empty = true;
        bounces(1, right, o, bad(1, 0));
        o = opening();
        o.statement.proof = new bytes32[](DEPTH + 1);
        bounces(1, right, o, bad(1, 0));
        o.statement.proof = new bytes32[](0);
        bounces(1, right, o, bad(1, 0));
    }

    function test_false_sources_of_an_honest_day() public {
        Opening memory o = opening();
        o.meters[0].kind = 2;
        bounces(1, right, o, bad(3, 0));
        o = opening();
        (o.meters[0].kind, o.meters[0].challenge) = (2, true);
        bounces(1, right, o, bad(3, 0));
        o = opening();
        o.meters[1].replacement = "hash";
        bounces(1, right, o, bad(3, 1));
        o = opening();
        o.meters[1].sourceProof = new bytes32[](DEPTH + 1);
        bounces(1, right, o, bad(3, 1));
        o = opening();
        o.meters[0].pack = o.meters[1].pack;
        bounces(1, right, o, bad(4, 0));
        o = opening();
        (o.meters[0].pack, o.meters[0].packProof) = (o.meters[1].pack, o.meters[1].packProof);
        bounces(1, right, o, bad(4, 0));
        o = opening();
        o.meters[0].packProof = new bytes32[](DEPTH - 1);
        bounces(1, right, o, bad(4, 0));
        o = opening();
        o.meters[1].emptyPosition = true;
        bounces(1, right, o, bad(4, 1));
    }

    function test_false_records_of_an_honest_day() public {
        Opening memory o = opening();
        o.meters[0].record = o.meters[1].record;
        bounces(1, right, o, badRecord(0, 0));
        o = opening();
        o.meters[0].record.time += 2 days;
        bounces(1, right, o, badRecord(0, 0));
        o = opening();
        o.meters[0].record.root = "other";
        bounces(1, right, o, badRecord(0, 0));
        o = opening();
        o.meters[0].record.slot += 256;
        bounces(1, right, o, badRecord(0, 0));
        o = opening();
        o.meters[0].record.batch = 2;
        bounces(1, right, o, badRecord(0, 0));
        o = opening();
        o.meters[0].record.proof = new bytes32[](9);
        bounces(1, right, o, badRecord(0, 0));
        // the record of another reader, or the same one again, passes for no newer revision
        o = opening();
        (o.meters[0].hasNext, o.meters[0].next) = (true, o.meters[1].record);
        bounces(1, right, o, badRecord(0, 1));
        o.meters[0].next = o.meters[0].record;
        bounces(1, right, o, badRecord(0, 1));
    }

    function test_false_results_and_parameters_of_an_honest_day() public {
        Opening memory o = opening();
        o.agreements[0].share = 1_000_000;
        bounces(1, right, o, bad(6, 0));
        o = opening();
        o.agreements[1].weight = 0;
        bounces(1, right, o, bad(6, 1));
        o = opening();
        o.agreements[1].limit = 0;
        bounces(1, right, o, bad(6, 1));
        o = opening();
        o.agreements[1].salt = "guess";
        bounces(1, right, o, bad(6, 1));
        o = opening();
        o.agreements[1].triples = o.agreements[0].triples;
        bounces(1, right, o, bad(7, 1));
        o = opening();
        o.agreements[0].triples[19] ^= 0x01;
        bounces(1, right, o, bad(7, 0));
        o = opening();
        o.agreements[0].empty = true;
        bounces(1, right, o, bad(7, 0));
        o = opening();
        o.agreements[1].proof = new bytes32[](DEPTH + 1);
        bounces(1, right, o, bad(7, 1));
    }

    function test_longer_and_shorter_lists() public {
        for (uint256 size = 0; size < 6; size++) {
            if (size == 2) continue;
            Opening memory o = opening();
            o.meters = new MeterOpening[](size);
            bounces(1, right, o, bad(2, size));
            o = opening();
            o.agreements = new AgreementOpening[](size);
            bounces(1, right, o, bad(5, size));
        }
    }

    function test_an_index_beyond_the_tree() public {
        Opening memory o = opening();
        uint32 beyond = MEMBER + (uint32(1) << DEPTH);
        bytes memory signature = wish(1, right);
        vm.expectRevert(abi.encodeWithSelector(UnknownMember.selector, beyond));
        settlement.refute(1, beyond, right, o, signature);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 3));
        settlement.refute(1, 3, right, o, signature);
    }

    function test_a_false_challenge_of_a_founded_replacement() public {
        header = right;
        voidByAuditor(1);
        // the newest pack at the cut-off is not the one that is opened
        anchorNext(keccak256("what nobody can read"));
        Opening memory o = replaced(0);
        Header memory h = commit(o);
        uint64 sequence = post(h);
        bounces(sequence, h, o, nothingWrong(sequence));
        (o.meters[0].challenge, o.meters[0].pack) = (true, packs[0]);
        bounces(sequence, h, o, failed(0));
        (o.meters[0].hasNext, o.meters[0].next) = (true, o.meters[0].record);
        bounces(sequence, h, o, badRecord(0, 1));
        // a revision that there is not
        o.meters[0].challengeRevision = 2;
        bounces(sequence, h, o, failed(0));
    }

    function failed(uint256 meter) private pure returns (bytes memory) {
        return abi.encodeWithSignature("ChallengeFailed(uint256)", meter);
    }

    /// @dev A refutation leaves no trace when it fails: no state, no flag, nothing to wait for.
    function test_failed_refutations_delay_nothing() public {
        Opening memory o = opening();
        for (uint256 i = 0; i < 3; i++) {
            bounces(1, right, o, nothingWrong(1));
        }
        finaliseAfterObjection(1, right);
    }

    function test_demanding_in_the_last_second_and_twice_and_for_another() public {
        header = right;
        vm.warp(postingTime + OBJECTION - 1);
        demand(MEMBER, 1, false);
        refuseDemand(MEMBER, 1, false, abi.encodeWithSelector(ISettlement.DemandedBefore.selector, MEMBER, 1));
        bytes memory byMember = wishOf(MEMBER, 1, false);
        refused(abi.encodeCall(settlement.demand, (1, digest(1), 3, false, byMember)), abi.encodeWithSelector(NotSignedBy.selector, 3));
        vm.warp(postingTime + OBJECTION);
        refuseDemand(3, 1, false, abi.encodeWithSelector(ISettlement.ObjectionOver.selector, postingTime + OBJECTION));
        confirm(MEMBER, 1);
        vm.warp(block.timestamp + 24 hours);
        finalise(1, "");
    }
}

/// @dev A member who joins, binds, offers and rotates as nobody should.
contract MemberRecordsTest is Attacking {
    function aJoin(uint32 member, uint32 agreement) private pure returns (Join memory) {
        return Join(member, agreement, 3, EARLIEST, OPEN, keccak256("parameters"));
    }

    function digestOfAct(bytes32 act) private view returns (bytes32) {
        return keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), act));
    }

    function refuseJoin(Join memory j, bytes memory reason) private {
        bytes32 act = hashOf(j);
        bytes memory byMember = signed(MEMBER_KEY + j.member, act);
        bytes memory bySteward = signed(OPERATOR_KEY, keccak256(abi.encode(keccak256("Countersign(bytes32 join)"), act)));
        bytes memory byOperator = signed(OPERATOR_KEY, keccak256(abi.encode(keccak256("Receipt(bytes32 join)"), act)));
        vm.expectRevert(reason);
        agreements.join(j, byMember, bySteward, byOperator);
    }

    function test_joining_twice() public {
        offer(someTerms(0, 0));
        join(aJoin(2, 1));
        Join memory again = aJoin(2, 1);
        (again.fromDay, again.parameters) = (EARLIEST + 7, keccak256("better"));
        refuseJoin(again, abi.encodeWithSelector(IAgreements.AlreadyJoined.selector, 2, 1, 0));
    }

    /// @dev Who left is not brought back by the act that once joined them, and who came back is not put out by the old Leave.
    function test_replayed_join_and_leave() public {
        offer(someTerms(0, 0));
        join(aJoin(2, 1));
        bytes32 leaving =
            keccak256(abi.encode(keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)"), uint32(2), uint32(0), EARLIEST));
        bytes memory signature = signed(MEMBER_KEY + 2, leaving);
        agreements.leave(2, 0, EARLIEST, signature);
        refuseJoin(aJoin(2, 1), abi.encodeWithSelector(AlreadyCarried.selector, digestOfAct(hashOf(aJoin(2, 1)))));
        Join memory again = aJoin(2, 1);
        again.fromDay = EARLIEST + 1;
        eq(join(again), 1, "a new act joins anew");
        vm.expectRevert(abi.encodeWithSelector(AlreadyCarried.selector, digestOfAct(leaving)));
        agreements.leave(2, 0, EARLIEST, signature);
    }

    function test_replayed_bind() public {
        Bind memory b = aBind(2, 0, 5);
        bind(b);
        vm.prank(operator);
        registry.unbind(1, EARLIEST, "");
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(b));
        vm.expectRevert(abi.encodeWithSelector(AlreadyCarried.selector, digestOfAct(hashOf(b))));
        registry.bind(b, signature);
    }

    function test_replayed_offer() public {
        bytes memory signature = signed(OPERATOR_KEY, hashOf(someTerms(0, 0), 0));
        agreements.offer(someTerms(0, 0), 0, signature);
        vm.expectRevert(abi.encodeWithSelector(IAgreements.UnexpectedNumber.selector, 0, 1));
        agreements.offer(someTerms(0, 0), 0, signature);
    }

    /// @dev The neighbour's meter, seen in the mempool and bound first. The operator calls it off on the same day, and the neighbour's own
    /// signed act, which was refused, counts after all.
    function test_a_neighbours_meter_or_position_bound_first() public {
        Bind memory own = aBind(3, 0, 5);
        bytes memory signature = signed(MEMBER_KEY + 3, hashOf(own));
        Bind memory squat = aBind(2, 0, 5);
        for (uint32 id = 1; id < 3; id++) {
            // first the meter at another position, then the position for another meter
            if (id == 1) squat.position = 6;
            else (squat.position, squat.meter) = (5, keccak256("none"));
            bind(squat);
            vm.expectRevert(
                id == 1
                    ? abi.encodeWithSelector(IRegistry.MeterTaken.selector, own.meter, 1)
                    : abi.encodeWithSelector(IRegistry.PositionTaken.selector, 0, 5, 2)
            );
            registry.bind(own, signature);
            vm.prank(operator);
            registry.unbind(id, EARLIEST, "");
        }
        eq(registry.bind(own, signature), 3, "bound");
    }

    /// @dev Who rotates to an address that another member was to have gives that address the own index, and bars one address.
    function test_a_newcomers_account_taken_first() public {
        address newcomer = vm.addr(0xBEEF);
        bytes32 kind = keccak256("RotateAccount(uint32 member,address account)");
        registry.rotateAccount(2, newcomer, signed(MEMBER_KEY + 2, keccak256(abi.encode(kind, uint32(2), newcomer))));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.AccountTaken.selector, newcomer, 2));
        vm.prank(operator);
        registry.addMember(4, newcomer);
        // the newcomer holds the attacker's index now, and can free the address
        address fresh = vm.addr(0xFEED);
        registry.rotateAccount(2, fresh, signed(0xBEEF, keccak256(abi.encode(kind, uint32(2), fresh))));
        vm.prank(operator);
        registry.addMember(4, newcomer);
        eq(registry.account(4), newcomer, "added");
    }

    /// @dev A member has 32 bindings ever; so 2^depth places are enough for 2^depth / 32 members, however spiteful.
    function test_filling_the_tree_of_bindings() public {
        registry = new Registry(Constants(1, CLOSE_DELAY, OBJECTION, 3 days, 5), operator, auditors());
        for (uint32 i = 0; i < 2; i++) {
            vm.prank(operator);
            registry.addMember(2 + i, vm.addr(MEMBER_KEY + 2 + i));
        }
        vm.prank(operator);
        registry.addReader(0, 1, readerKey(0), 0);
        for (uint32 i = 0; i < 31; i++) {
            Bind memory b = aBind(2, 0, i);
            (b.fromDay, b.endDay) = (EARLIEST + i, EARLIEST + i + 1);
            bind(b);
        }
        Bind memory late = aBind(3, 0, 31);
        bytes memory signature = signed(MEMBER_KEY + 3, hashOf(late));
        vm.expectRevert(abi.encodeWithSelector(CommunityFull.selector, 32));
        registry.bind(late, signature);
    }

    /// @dev The operator receipts no such share. If it did, nobody could take or give more than their own meters have.
    function testFuzz_a_share_above_the_whole(uint32 share, uint32 draw, uint32 feed, uint64 level, uint64 giverLevel, uint8 key)
        public
        view
    {
        Clearing.Rule memory rule = Clearing.ruleOf(someTerms(key % 5, 0), DEPTH);
        Clearing.addMember(rule, 3, share, type(uint32).max, 0);
        uint256[] memory metered = new uint256[](1);
        uint256[] memory rest = new uint256[](1);
        (metered[0], rest[0]) = (uint256(draw) << 128 | feed, uint256(draw) << 128 | feed);
        bytes memory triple = abi.encodePacked(uint32(110_000), level % 2 ** 44, giverLevel % (2 ** 32 + 1));
        (uint8 reason, uint256 energy) = this.run(rule, triple, metered, rest);
        eq(reason, 0, "no fault");
        yes(energy >> 128 <= draw && uint128(energy) <= feed, "not more than metered");
    }

    function run(Clearing.Rule memory rule, bytes calldata triples, uint256[] memory metered, uint256[] memory rest)
        external
        pure
        returns (uint8 reason, uint256 energy)
    {
        (reason, energy,) = Clearing.run(rule, triples, metered, rest);
    }
}

/// @dev A day at the caps, of a member with as many bindings and memberships as can ever be; a transaction may use 2^24.
contract WorstRefutationTest is Measured {
    function test_gas_with_32_bindings_and_memberships_ever() public {
        settle(4, 4);
        uint32 end = uint32(block.timestamp / 1 days + 2);
        for (uint32 i = 0; i < 4; i++) {
            vm.prank(operator);
            registry.unbind(i + 1, end, "");
            bytes32 act = keccak256(abi.encode(keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)"), MEMBER, i, end));
            agreements.leave(MEMBER, i, end, signed(MEMBER_KEY + MEMBER, act));
        }
        for (uint32 i = 0; i < 28; i++) {
            Bind memory b = aBind(MEMBER, 0, 100 + i);
            (b.fromDay, b.endDay) = (end + i, end + i + 1);
            bind(b);
            join(Join(MEMBER, 1, 3, end + i, end + i + 1, keccak256("parameters")));
        }
        eq(registry.bindingsOf(MEMBER).length, 32, "bindings");
        eq(agreements.membershipsOf(MEMBER).length, 32, "memberships");
        within(gasOfNetRefutation(), 1_500_000);
    }
}
