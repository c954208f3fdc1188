// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Join, Membership, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import "../lindenstrom_contracts/libraries/Errors.sol";
import {Community} from "./Community.sol";

contract AgreementsTest is Community {
    bytes32 private constant LEAVE = keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)");
    bytes32 private constant COUNTERSIGN = keccak256("Countersign(bytes32 join)");
    bytes32 private constant RECEIPT = keccak256("Receipt(bytes32 join)");

    function aJoin(uint32 member, uint32 agreement) private pure returns (Join memory) {
        return Join(member, agreement, 3, EARLIEST, OPEN, keccak256("parameters"));
    }

    function refuseOffer(Terms memory t, uint32 number, bytes memory reason) private {
        bytes memory signature = signed(t.steward < 2 ? OPERATOR_KEY : MEMBER_KEY + t.steward, hashOf(t, number));
        vm.expectRevert(reason);
        agreements.offer(t, number, signature);
    }

    function refuseJoin(Join memory j, bytes memory reason) private {
        bytes32 act = hashOf(j);
        bytes memory byMember = signed(MEMBER_KEY + j.member, act);
        bytes memory bySteward = signed(OPERATOR_KEY, keccak256(abi.encode(COUNTERSIGN, act)));
        bytes memory byOperator = signed(OPERATOR_KEY, keccak256(abi.encode(RECEIPT, act)));
        vm.expectRevert(reason);
        agreements.join(j, byMember, bySteward, byOperator);
    }

    function test_offer_and_terms() public {
        Terms memory t = someTerms(1, 1);
        t.steward = 2;
        eq(offer(t), 1, "first id");
        eq(keccak256(abi.encode(agreements.terms(1))), keccak256(abi.encode(t)), "terms");
        eq(agreements.agreementCount(), 1, "count");
        eq(agreements.offersOf(2), 1, "offers");
        refuseOffer(t, 0, abi.encodeWithSelector(IAgreements.UnexpectedNumber.selector, 0, 1));
        vm.expectRevert(abi.encodeWithSelector(IAgreements.UnknownAgreement.selector, 2));
        agreements.terms(2);
    }

    function test_offer_refusals() public {
        refuseOffer(someTerms(5, 0), 0, abi.encodeWithSelector(IAgreements.KeyNotSupported.selector, 5));
        refuseOffer(someTerms(0, 3), 0, abi.encodeWithSelector(IAgreements.RuleNotSupported.selector, 3));
        Terms memory t = someTerms(0, 0);
        t.firstWindow = EARLIEST - 1;
        refuseOffer(t, 0, abi.encodeWithSelector(DayTooEarly.selector, EARLIEST - 1, EARLIEST));
        t = someTerms(0, 0);
        t.lastWindow = EARLIEST - 1;
        refuseOffer(t, 0, abi.encodeWithSelector(EmptyInterval.selector, EARLIEST, EARLIEST - 1));
        t = someTerms(0, 0);
        bytes memory byOther = signed(MEMBER_KEY + 2, hashOf(t, 0));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 0));
        agreements.offer(t, 0, byOther);
    }

    function test_every_key_with_every_rule_but_the_auction() public {
        for (uint8 key = 0; key < 5; key++) {
            eq(offer(someTerms(key, 0)), 2 * uint256(key) + 1, "fixed");
            eq(offer(someTerms(key, 1)), 2 * uint256(key) + 2, "mid-market");
        }
    }

    function test_an_auction_is_proportional_and_its_bounds_in_order() public {
        for (uint8 key = 1; key < 5; key++) {
            refuseOffer(someTerms(key, 2), 0, abi.encodeWithSelector(IAgreements.AuctionKey.selector, key));
        }
        Terms memory t = someTerms(0, 2);
        (t.priceA, t.priceB) = (250_001, 250_000);
        refuseOffer(t, 0, abi.encodeWithSelector(IAgreements.PriceBounds.selector, 250_001, 250_000));
        t.priceA = 250_000;
        eq(offer(t), 1, "one price is a range too");
    }

    function test_members_offer_32_the_operator_more() public {
        Terms memory t = someTerms(0, 0);
        t.steward = 2;
        for (uint256 i = 0; i < 32; i++) {
            offer(t);
        }
        refuseOffer(t, 32, abi.encodeWithSelector(IAgreements.TooManyOffers.selector, 2));
        t.steward = 0;
        for (uint256 i = 0; i < 33; i++) {
            offer(t);
        }
        eq(agreements.agreementCount(), 65, "all");
    }

    function test_join_needs_three_signatures() public {
        offer(someTerms(0, 0));
        Join memory j = aJoin(2, 1);
        bytes32 act = hashOf(j);
        bytes memory byMember = signed(MEMBER_KEY + 2, act);
        bytes memory bySteward = signed(OPERATOR_KEY, keccak256(abi.encode(COUNTERSIGN, act)));
        bytes memory byOperator = signed(OPERATOR_KEY, keccak256(abi.encode(RECEIPT, act)));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        agreements.join(j, bySteward, bySteward, byOperator);
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 0));
        agreements.join(j, byMember, byOperator, byOperator);
        vm.expectRevert(abi.encodeWithSelector(IAgreements.NotReceiptedByOperator.selector));
        agreements.join(j, byMember, bySteward, bySteward);
        eq(agreements.join(j, byMember, bySteward, byOperator), 0, "first membership");
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), act));
        yes(agreements.isConsumed(digest), "consumed");
        vm.expectRevert(abi.encodeWithSelector(AlreadyCarried.selector, digest));
        agreements.join(j, byMember, bySteward, byOperator);
    }

    function test_join_refusals() public {
        offer(someTerms(0, 0));
        Join memory j = aJoin(2, 1);
        j.role = 4;
        refuseJoin(j, abi.encodeWithSelector(IAgreements.RoleUnknown.selector, 4));
        j.role = 0;
        refuseJoin(j, abi.encodeWithSelector(IAgreements.RoleUnknown.selector, 0));
        j = aJoin(1, 1);
        refuseJoin(j, abi.encodeWithSelector(SpecialMember.selector, 1));
        j = aJoin(2, 1);
        j.fromDay = EARLIEST - 1;
        refuseJoin(j, abi.encodeWithSelector(DayTooEarly.selector, EARLIEST - 1, EARLIEST));
        j = aJoin(2, 1);
        j.parameters = 0;
        refuseJoin(j, abi.encodeWithSelector(IAgreements.ZeroParameters.selector));
        Terms memory t = someTerms(0, 0);
        t.lastWindow = EARLIEST + 5;
        offer(t);
        j = aJoin(2, 2);
        j.fromDay = EARLIEST + 6;
        refuseJoin(j, abi.encodeWithSelector(IAgreements.OutsideTerms.selector, 2, EARLIEST + 6, OPEN));
    }

    function test_one_live_membership_per_agreement() public {
        offer(someTerms(0, 0));
        Join memory j = aJoin(2, 1);
        join(j);
        j.fromDay = EARLIEST + 3;
        refuseJoin(j, abi.encodeWithSelector(IAgreements.AlreadyJoined.selector, 2, 1, 0));
        leave(2, 0, EARLIEST + 3);
        eq(join(j), 1, "again from the day it ended");
        (Membership[] memory now_,) = agreements.liveMemberships(2, EARLIEST + 3);
        eq(now_.length, 1, "one of the two");
    }

    function leave(uint32 member, uint32 membership, uint32 endDay) private {
        bytes32 act = keccak256(abi.encode(LEAVE, member, membership, endDay));
        agreements.leave(member, membership, endDay, signed(MEMBER_KEY + member, act));
    }

    function test_leave_needs_the_member_alone_and_only_shortens() public {
        offer(someTerms(0, 0));
        join(aJoin(2, 1));
        bytes memory byOther = signed(OPERATOR_KEY, keccak256(abi.encode(LEAVE, uint32(2), uint32(0), EARLIEST)));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 2));
        agreements.leave(2, 0, EARLIEST, byOther);
        leave(2, 0, EARLIEST + 3);
        bytes memory longer = signed(MEMBER_KEY + 2, keccak256(abi.encode(LEAVE, uint32(2), uint32(0), EARLIEST + 4)));
        vm.expectRevert(abi.encodeWithSelector(NotShorter.selector, EARLIEST + 4, EARLIEST, EARLIEST + 3));
        agreements.leave(2, 0, EARLIEST + 4, longer);
        vm.expectRevert(abi.encodeWithSelector(IAgreements.UnknownMembership.selector, 2, 1));
        agreements.leave(2, 1, EARLIEST, "");
    }

    function test_at_most_four_live_and_terms_that_ran_out_free_their_place() public {
        Terms memory t = someTerms(0, 0);
        for (uint32 i = 1; i <= 4; i++) {
            if (i == 4) t.lastWindow = EARLIEST + 4;
            join(aJoin(2, offer(t)));
        }
        uint32 fifth = offer(someTerms(0, 0));
        Join memory j = aJoin(2, fifth);
        j.fromDay = EARLIEST + 4;
        refuseJoin(j, abi.encodeWithSelector(TooManyLive.selector, 2));
        j.fromDay = EARLIEST + 5;
        join(j);
        eq(agreements.membershipsOf(2).length, 5, "ever");
    }

    function test_at_most_32_ever() public {
        offer(someTerms(0, 0));
        Join memory j = aJoin(2, 1);
        for (uint32 i = 0; i < 32; i++) {
            (j.fromDay, j.endDay) = (EARLIEST + i, EARLIEST + i + 1);
            join(j);
        }
        (j.fromDay, j.endDay) = (EARLIEST + 50, OPEN);
        refuseJoin(j, abi.encodeWithSelector(TooManyEver.selector, 2));
    }

    function test_running_order_is_priority_then_id() public {
        uint8[4] memory priorities = [7, 3, 3, 0];
        for (uint256 i = 0; i < 4; i++) {
            Terms memory t = someTerms(0, 0);
            t.priority = priorities[i];
            offer(t);
        }
        uint32[4] memory joined = [uint32(3), 1, 4, 2];
        for (uint256 i = 0; i < 4; i++) {
            join(aJoin(2, joined[i]));
        }
        (Membership[] memory m, Terms[] memory t4) = agreements.liveMemberships(2, EARLIEST);
        uint32[4] memory expected = [uint32(4), 2, 3, 1];
        for (uint256 i = 0; i < 4; i++) {
            eq(m[i].agreement, expected[i], "order");
            eq(t4[i].priority, priorities[expected[i] - 1], "its terms");
        }
    }

    function test_live_within_membership_and_terms() public {
        Terms memory t = someTerms(0, 0);
        (t.firstWindow, t.lastWindow) = (EARLIEST + 2, EARLIEST + 6);
        offer(t);
        Join memory j = aJoin(2, 1);
        j.endDay = EARLIEST + 5;
        join(j);
        for (uint32 day = EARLIEST; day < EARLIEST + 8; day++) {
            (Membership[] memory m,) = agreements.liveMemberships(2, day);
            eq(m.length, day >= EARLIEST + 2 && day < EARLIEST + 5 ? 1 : 0, "live");
        }
    }
}
