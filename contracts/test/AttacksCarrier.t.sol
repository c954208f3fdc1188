// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Agreements} from "../lindenstrom_contracts/Agreements.sol";
import {ReadingLog} from "../lindenstrom_contracts/ReadingLog.sol";
import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {Settlement} from "../lindenstrom_contracts/Settlement.sol";
import {Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Anchor, IReadingLog} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Header, ISettlement, Opening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {AlreadyCarried, NotSignedBy} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {Attacking} from "./Attacks.sol";

/// @dev Who carries, delays, repeats and mixes what others signed; see docs/attacks.md.
contract CarrierAttacksTest is Attacking {
    bytes32 private constant ROTATE_ACCOUNT = keccak256("RotateAccount(uint32 member,address account)");
    address private constant STRANGER = address(0x5717A);

    function aJoin(uint32 member, uint32 agreement) private pure returns (Join memory) {
        return Join(member, agreement, 3, EARLIEST, OPEN, keccak256("parameters"));
    }

    function notSignedBy(uint32 member) private pure returns (bytes memory) {
        return abi.encodeWithSelector(NotSignedBy.selector, member);
    }

    function joining(Join memory j, uint256 steward) private view returns (bytes memory) {
        bytes32 act = hashOf(j);
        return abi.encodeCall(
            agreements.join,
            (
                j,
                signed(MEMBER_KEY + j.member, act),
                signed(steward, keccak256(abi.encode(keccak256("Countersign(bytes32 join)"), act))),
                signed(OPERATOR_KEY, keccak256(abi.encode(keccak256("Receipt(bytes32 join)"), act)))
            )
        );
    }

    function refuse(address target, bytes memory call, bytes memory reason) private {
        vm.expectRevert(reason);
        (bool ok,) = target.call(call);
        yes(ok, "expected revert");
    }

    function test_an_act_carried_first_by_a_stranger() public {
        Bind memory b = aBind(2, 0, 5);
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(b));
        vm.prank(STRANGER);
        eq(registry.bind(b, signature), 1, "as signed");
        bytes32 named = keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), hashOf(b)));
        refuse(address(registry), abi.encodeCall(registry.bind, (b, signature)), abi.encodeWithSelector(AlreadyCarried.selector, named));
        (uint32 member, bytes32 meter,,,,) = registry.binding(1);
        yes(member == 2 && meter == b.meter, "the member's");
    }

    function test_no_field_of_a_bind_can_be_changed() public {
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(aBind(2, 0, 5)));
        for (uint256 i = 0; i < 7; i++) {
            Bind memory b = aBind(2, 0, 5);
            if (i == 0) b.member = 3;
            if (i == 1) b.meter = keccak256("other");
            if (i == 2) b.reader = 1;
            if (i == 3) b.position = 6;
            if (i == 4) b.fromDay += 1;
            if (i == 5) b.endDay -= 1;
            if (i == 6) b.auditors = keccak256("others");
            refuse(address(registry), abi.encodeCall(registry.bind, (b, signature)), notSignedBy(b.member));
        }
    }

    function test_no_field_of_a_join_can_be_changed() public {
        offer(someTerms(0, 0));
        offer(someTerms(1, 0));
        bytes memory signature = signed(MEMBER_KEY + 2, hashOf(aJoin(2, 1)));
        for (uint256 i = 0; i < 6; i++) {
            Join memory j = aJoin(2, 1);
            if (i == 0) j.member = 3;
            if (i == 1) j.agreement = 2;
            if (i == 2) j.role = 1;
            if (i == 3) j.fromDay += 1;
            if (i == 4) j.endDay -= 1;
            if (i == 5) j.parameters = keccak256("worse");
            refuse(address(agreements), abi.encodeCall(agreements.join, (j, signature, signature, signature)), notSignedBy(j.member));
        }
    }

    /// @dev An agreement's id goes to whoever offers first. A join signed for the expected id needs the countersignature of the steward who
    /// got it, and the operator's receipt.
    function test_an_expected_agreement_number_taken_first() public {
        Terms memory other = someTerms(0, 0);
        (other.steward, other.fee) = (3, OPEN);
        eq(offer(other), 1, "taken");
        eq(offer(someTerms(0, 0)), 2, "expected as 1");
        refuse(address(agreements), joining(aJoin(2, 1), OPERATOR_KEY), notSignedBy(3));
    }

    /// @dev Void and posted anew before the auditor's transaction is in: it names the digest, and does not touch the other posting.
    function test_an_auditors_word_overtaken_by_a_repost() public {
        header = roots();
        vm.warp(header.asOf);
        post(header);
        bytes32 former = digest(1);
        bytes memory attesting = abi.encodeCall(settlement.attest, (1, former));
        bytes memory mixed = abi.encodeCall(settlement.attest, (2, former));
        voidByAuditor(1);
        header.statementsRoot = "other";
        post(header);
        vm.prank(secondAuditor);
        refuse(address(settlement), attesting, abi.encodeWithSelector(ISettlement.WrongState.selector, 1, 2));
        vm.prank(secondAuditor);
        refuse(address(settlement), mixed, abi.encodeWithSelector(ISettlement.WrongDigest.selector, 2, former, digest(2)));
        vm.prank(secondAuditor);
        refuse(
            address(settlement),
            abi.encodeCall(settlement.voidByAuditor, (2, former)),
            abi.encodeWithSelector(ISettlement.WrongDigest.selector, 2, former, digest(2))
        );
    }

    /// @dev A stranger spends the member's act on an opening that does not fit: the act is as good as before.
    function test_a_refutation_carried_with_a_wrong_opening() public {
        settle(2, 2);
        (, Opening memory o) = honest();
        o.statement.net += 1;
        Header memory h = commit(o);
        post(h);
        bytes memory signature = wish(1, h);
        Opening memory spoiled = o;
        spoiled.statement.net -= 1;
        vm.prank(STRANGER);
        refuse(address(settlement), abi.encodeCall(settlement.refute, (1, MEMBER, h, spoiled, signature)), bad(1, 0));
        (, o) = honest();
        o.statement.net += 1;
        h = commit(o);
        vm.recordLogs();
        vm.prank(STRANGER);
        settlement.refute(1, MEMBER, h, o, signature);
        voidedFor(1, Reasons.NET_DIFFERS);
    }

    /// @dev Acts signed for one community, carried to another of the same people, keys and indices.
    function test_acts_of_another_community() public {
        Bind memory b = aBind(2, 0, 5);
        bytes memory binding = abi.encodeCall(registry.bind, (b, signed(MEMBER_KEY + 2, hashOf(b))));
        address to = vm.addr(99);
        bytes memory rotating =
            abi.encodeCall(registry.rotateAccount, (2, to, signed(MEMBER_KEY + 2, keccak256(abi.encode(ROTATE_ACCOUNT, uint32(2), to)))));
        bytes memory offering = abi.encodeCall(agreements.offer, (someTerms(0, 0), 0, signed(OPERATOR_KEY, hashOf(someTerms(0, 0), 0))));
        bytes memory joinOne = joining(aJoin(2, 1), OPERATOR_KEY);
        Anchor memory a = anAnchor(0, EARLIEST, 0, "root");
        setUpAgain();
        refuse(address(registry), binding, notSignedBy(2));
        refuse(address(registry), rotating, notSignedBy(2));
        refuse(address(agreements), offering, notSignedBy(0));
        offer(someTerms(0, 0));
        refuse(address(agreements), joinOne, notSignedBy(2));
        vm.warp(registry.windowEnd(EARLIEST));
        refuse(
            address(readingLog), abi.encodeCall(readingLog.anchor, (a)), abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0)
        );
    }

    function setUpAgain() private {
        bytes32 former = registry.community();
        super.setUp();
        yes(registry.community() != former, "another");
    }

    /// @dev A demand and a refutation name the posting's digest, and with it the community.
    function test_a_demand_and_a_refutation_of_another_community() public {
        header = roots();
        (bytes memory demanding, bytes memory refuting) = (wishOf(2, 1, false), wish(1, header));
        setUpAgain();
        vm.warp(header.asOf);
        post(header);
        refuse(address(settlement), abi.encodeCall(settlement.demand, (1, digest(1), 2, false, demanding)), notSignedBy(2));
        Opening memory o;
        refuse(address(settlement), abi.encodeCall(settlement.refute, (1, 2, header, o, refuting)), notSignedBy(2));
    }

    /// @dev A second set of contracts over the same Registry takes the same acts, and the community's own knows nothing of it: each reads
    /// the contracts that it was made with, and those are in the community file.
    function test_a_second_set_of_contracts_over_one_registry() public {
        Agreements second = new Agreements(registry);
        Terms memory worse = someTerms(0, 0);
        worse.fee = OPEN;
        offer(someTerms(0, 0));
        second.offer(worse, 0, signed(OPERATOR_KEY, hashOf(worse, 0)));
        (bool ok,) = address(second).call(joining(aJoin(2, 1), OPERATOR_KEY));
        yes(ok, "joined there");
        eq(agreements.membershipsOf(2).length, 0, "not here");
        eq(address(settlement.agreements()), address(agreements), "the settlement's own");
        eq(join(aJoin(2, 1)), 0, "still to be carried here");
        eq(agreements.terms(1).fee, 5000, "under the terms here");
    }

    /// @dev The chain splits. What was carried stays; what was signed before and not carried counts on the old chain only; the community keeps
    /// its id, so packs and postings keep theirs.
    function test_acts_after_a_split_of_the_chain() public {
        header = roots();
        bytes32 here = digest(1);
        Bind memory b = aBind(2, 0, 5);
        bind(aBind(2, 1, 5));
        bytes memory binding = abi.encodeCall(registry.bind, (b, signed(MEMBER_KEY + 2, hashOf(b))));
        Anchor memory a = anAnchor(0, EARLIEST, 0, "root");
        vm.chainId(4242);
        refuse(address(registry), binding, notSignedBy(2));
        eq(registry.bindingCount(), 1, "carried before");
        eq(bind(b), 2, "signed anew");
        vm.warp(registry.windowEnd(EARLIEST));
        refuse(
            address(readingLog), abi.encodeCall(readingLog.anchor, (a)), abi.encodeWithSelector(IReadingLog.NotSignedByReader.selector, 0)
        );
        eq(readingLog.anchor(anAnchor(0, EARLIEST, 0, "root")), 1, "signed anew");
        eq(digest(1), here, "digests stay");
    }
}
