// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Bind, IRegistry} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {NotSignedBy} from "../lindenstrom_contracts/libraries/Errors.sol";
import {Attacking} from "./Attacks.sol";

/// @dev A smart account that does as told when it is asked for a signature.
contract Spiteful {
    bytes4 private constant MAGIC = 0x1626ba7e;

    address private target;
    bytes private act;
    bytes private code_;

    /// @dev Tries a call of its own, and signs only if that failed.
    function reenter(address theTarget, bytes calldata theAct) external {
        (target, act, code_) = (theTarget, theAct, "reenter");
    }

    function be(bytes calldata what) external {
        code_ = what;
    }

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        bytes32 what = bytes32(code_);
        if (what == "reenter") {
            (bool ok,) = target.call(act);
            return ok ? bytes4(0) : MAGIC;
        }
        if (what == "burn") while (true) {}
        if (what == "revert") revert("spite");
        if (what == "bomb") answer(1, 1_000_000);
        if (what == "short") answer(uint256(bytes32(MAGIC)), 31);
        if (what == "one") answer(1, 32);
        if (what == "dirty") answer(uint256(bytes32(MAGIC)) | 1, 32);
        return MAGIC;
    }

    function answer(uint256 word, uint256 size) private pure {
        assembly {
            mstore(0, word)
            return(0, size)
        }
    }
}

/// @dev Accounts that are programs, EIP-1271; see docs/attacks.md.
contract AccountAttacksTest is Attacking {
    uint32 private constant SPITEFUL = 4;

    Spiteful private account;

    function setUp() public override {
        super.setUp();
        account = new Spiteful();
        vm.prank(operator);
        registry.addMember(SPITEFUL, address(account));
    }

    function bindingOf(uint32 member, uint32 position) private view returns (bytes memory) {
        Bind memory b = aBind(member, 0, position);
        return abi.encodeCall(registry.bind, (b, member == SPITEFUL ? bytes("") : signed(MEMBER_KEY + member, hashOf(b))));
    }

    function carry(address target, bytes memory call, string memory what) private {
        (bool ok,) = target.call(call);
        yes(ok, what);
    }

    /// @dev Everything that could be done from within is refused, for a signature is asked for by a static call.
    function reentered(address outer, bytes memory call, address inner, bytes memory act) private {
        account.reenter(inner, act);
        vm.expectCall(inner, act);
        carry(outer, call, "the outer act counts, so the inner call failed");
    }

    function test_reentering_the_registry() public {
        bytes memory inner = bindingOf(2, 7);
        reentered(address(registry), bindingOf(SPITEFUL, 6), address(registry), inner);
        eq(registry.bindingCount(), 1, "the outer one alone");
        carry(address(registry), inner, "good in itself");
    }

    function test_reentering_with_the_act_itself() public {
        bytes memory self = bindingOf(SPITEFUL, 6);
        account.reenter(address(registry), self);
        carry(address(registry), self, "once");
        eq(registry.bindingCount(), 1, "one");
    }

    function test_reentering_the_agreements() public {
        Terms memory t = someTerms(0, 0);
        bytes memory inner = abi.encodeCall(agreements.offer, (t, 0, signed(OPERATOR_KEY, hashOf(t, 0))));
        Terms memory own = someTerms(1, 0);
        own.steward = SPITEFUL;
        reentered(address(agreements), abi.encodeCall(agreements.offer, (own, 0, "")), address(agreements), inner);
        eq(agreements.agreementCount(), 1, "the outer one alone");
        carry(address(agreements), inner, "good in itself");
    }

    function test_reentering_the_settlement() public {
        header = roots();
        vm.warp(header.asOf);
        post(header);
        bytes memory inner = abi.encodeCall(settlement.demand, (1, digest(1), 2, false, wishOf(2, 1, false)));
        bytes memory outer = abi.encodeCall(settlement.demand, (1, digest(1), SPITEFUL, false, ""));
        reentered(address(settlement), outer, address(settlement), inner);
        counted(1, 1, 0);
        carry(address(settlement), inner, "good in itself");
        counted(1, 2, 0);
    }

    /// @dev An account that burns all gas or fails spoils the acts that need its own signature, and no others.
    function test_burning_gas() public {
        spoils("burn", 3_000_000, abi.encodeWithSelector(NotSignedBy.selector, SPITEFUL));
        spoils("revert", 3_000_000, abi.encodeWithSelector(NotSignedBy.selector, SPITEFUL));
    }

    /// @dev An answer of a megabyte costs who carries the spiteful account's act all the gas there is, or is refused: again its own act alone.
    function test_flooding_with_an_answer() public {
        spoils("bomb", 3_000_000, "");
        spoils("bomb", 30_000_000, abi.encodeWithSelector(NotSignedBy.selector, SPITEFUL));
    }

    function spoils(bytes32 kind, uint256 gas_, bytes memory reason) private {
        account.be(abi.encode(kind));
        (bool ok, bytes memory answer) = address(registry).call{gas: gas_}(bindingOf(SPITEFUL, 6));
        yes(!ok, "refused");
        eq(keccak256(answer), keccak256(reason), "its own act alone");
        carry(address(registry), bindingOf(2, uint32(10 + registry.bindingCount())), "a neighbour's act");
    }

    function test_answers_that_are_no_consent() public {
        bytes32[3] memory kinds = [bytes32("short"), "one", "dirty"];
        for (uint256 i = 0; i < 3; i++) {
            account.be(abi.encode(kinds[i]));
            vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, SPITEFUL));
            registry.requireSignedBy(SPITEFUL, "act", "");
        }
    }

    /// @dev An act of the operator on its binding asks the account nothing.
    function test_a_spiteful_account_keeps_no_binding() public {
        carry(address(registry), bindingOf(SPITEFUL, 6), "bound");
        account.be(abi.encode(bytes32("burn")));
        vm.prank(operator);
        registry.unbind(1, EARLIEST, "");
        (,,,,, uint32 endDay) = registry.binding(1);
        eq(endDay, EARLIEST, "called off");
    }

    /// @dev A steward's account that refuses keeps newcomers out of its own agreement; who is in leaves without it.
    function test_a_steward_that_holds_its_members() public {
        Terms memory own = someTerms(0, 0);
        own.steward = SPITEFUL;
        agreements.offer(own, 0, "");
        Join memory j = Join(2, 1, 3, EARLIEST, OPEN, keccak256("parameters"));
        bytes32 act = hashOf(j);
        bytes memory byMember = signed(MEMBER_KEY + 2, act);
        bytes memory byOperator = signed(OPERATOR_KEY, keccak256(abi.encode(keccak256("Receipt(bytes32 join)"), act)));
        account.be(abi.encode(bytes32("revert")));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, SPITEFUL));
        agreements.join(j, byMember, "", byOperator);
        account.be("");
        agreements.join(j, byMember, "", byOperator);
        account.be(abi.encode(bytes32("revert")));
        bytes32 leaving =
            keccak256(abi.encode(keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)"), uint32(2), uint32(0), EARLIEST));
        agreements.leave(2, 0, EARLIEST, signed(MEMBER_KEY + 2, leaving));
        eq(agreements.membershipsOf(2)[0].endDay, EARLIEST, "left");
    }

    /// @dev 32 offers of one steward, each accepted at once by nobody: places in the tree, and no more.
    function test_a_steward_with_too_many_offers() public {
        Terms memory own = someTerms(0, 0);
        own.steward = SPITEFUL;
        for (uint32 i = 0; i < 32; i++) {
            agreements.offer(own, i, "");
        }
        vm.expectRevert(abi.encodeWithSelector(IAgreements.TooManyOffers.selector, SPITEFUL));
        agreements.offer(own, 32, "");
        eq(offer(someTerms(0, 0)), 33, "the others go on");
    }

    function test_an_address_without_code_signs_nothing() public {
        vm.prank(operator);
        registry.addMember(5, address(4));
        vm.expectRevert(abi.encodeWithSelector(NotSignedBy.selector, 5));
        registry.requireSignedBy(5, "act", abi.encode(bytes4(0x1626ba7e)));
        vm.expectRevert(abi.encodeWithSelector(IRegistry.ZeroAddress.selector));
        vm.prank(operator);
        registry.addMember(6, address(0));
    }
}
