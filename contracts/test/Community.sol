// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Agreements} from "../lindenstrom_contracts/Agreements.sol";
import {ReadingLog} from "../lindenstrom_contracts/ReadingLog.sol";
import {Registry} from "../lindenstrom_contracts/Registry.sol";
import {Settlement} from "../lindenstrom_contracts/Settlement.sol";
import {Join, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Anchor} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {Bind, Constants} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Checks} from "./Vm.sol";

/// @dev A deployed community on day 20700 (2026-09-04) with members 2 and 3 and readers 0 and 1, and signers for their acts.
abstract contract Community is Checks {
    uint256 internal constant TODAY = 20_700;
    uint32 internal constant EARLIEST = 20_702;
    uint32 internal constant OPEN = type(uint32).max;
    uint32 internal constant CLOSE_DELAY = 36 hours;
    uint32 internal constant OBJECTION = 14 days;
    uint8 internal constant DEPTH = 12;

    uint256 internal constant OPERATOR_KEY = 0xA11CE;
    uint256 internal constant AUDITOR_KEY = 0xA0D17;
    uint256 internal constant SECOND_AUDITOR_KEY = 0xA0D18;
    /// @dev Member m signs with MEMBER_KEY + m, reader r with READER_KEY + r.
    uint256 internal constant MEMBER_KEY = 0x10000;
    uint256 internal constant READER_KEY = 0x20000;

    address internal immutable operator = vm.addr(OPERATOR_KEY);
    address internal immutable auditor = vm.addr(AUDITOR_KEY);
    address internal immutable secondAuditor = vm.addr(SECOND_AUDITOR_KEY);

    Registry internal registry;
    Agreements internal agreements;
    ReadingLog internal readingLog;
    Settlement internal settlement;

    function setUp() public virtual {
        vm.warp(TODAY * 1 days + 5 hours);
        registry = new Registry(constants(), operator, auditors());
        agreements = new Agreements(registry);
        readingLog = new ReadingLog(registry);
        settlement = new Settlement(registry, agreements, readingLog);
        for (uint32 i = 0; i < 2; i++) {
            vm.prank(operator);
            registry.addMember(2 + i, vm.addr(MEMBER_KEY + 2 + i));
            vm.prank(operator);
            registry.addReader(i, 1, readerKey(i), 0);
        }
    }

    function constants() internal pure returns (Constants memory) {
        return Constants(1, CLOSE_DELAY, OBJECTION, 3 days, DEPTH);
    }

    function auditors() internal view returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (auditor, secondAuditor);
    }

    function readerKey(uint32 reader) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(vm.addr(READER_KEY + reader))));
    }

    /// @dev Written out, not taken from the library under test.
    function signed(uint256 key, bytes32 structHash) internal view returns (bytes memory) {
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", registry.domainSeparator(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }

    function hashOf(Bind memory b) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                keccak256("Bind(uint32 member,bytes32 meter,uint32 reader,uint32 position,uint32 fromDay,uint32 endDay,bytes32 auditors)"),
                b
            )
        );
    }

    function aBind(uint32 member, uint32 reader, uint32 position) internal view returns (Bind memory) {
        bytes32 meter = keccak256(abi.encode("meter", reader, position));
        return Bind(member, meter, reader, position, EARLIEST, OPEN, registry.auditorsHash());
    }

    function bind(Bind memory b) internal returns (uint32) {
        return registry.bind(b, signed(MEMBER_KEY + b.member, hashOf(b)));
    }

    function someTerms(uint8 key, uint8 rule) internal pure returns (Terms memory) {
        return Terms(0, key, rule, 110_000, 250_000, 5000, OPEN, 0, EARLIEST, OPEN, true);
    }

    function hashOf(Terms memory t, uint32 number) internal pure returns (bytes32) {
        bytes32 kind = keccak256(
            "Offer(uint32 steward,uint32 number,uint8 key,uint8 rule,uint32 priceA,uint32 priceB,uint32 fee,uint32 cap,uint8 priority,uint32 firstWindow,uint32 lastWindow,bool publicDisputes)"
        );
        bytes memory fields = abi.encode(t);
        bytes32[12] memory words;
        (words[0], words[1]) = (bytes32(uint256(t.steward)), bytes32(uint256(number)));
        for (uint256 i = 1; i < 11; i++) {
            bytes32 word;
            assembly ("memory-safe") {
                word := mload(add(fields, mul(32, add(i, 1))))
            }
            words[i + 1] = word;
        }
        return keccak256(abi.encode(kind, words));
    }

    function offer(Terms memory t) internal returns (uint32) {
        uint32 number = agreements.offersOf(t.steward);
        uint256 key = t.steward < 2 ? OPERATOR_KEY : MEMBER_KEY + t.steward;
        return agreements.offer(t, number, signed(key, hashOf(t, number)));
    }

    function hashOf(Join memory j) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(keccak256("Join(uint32 member,uint32 agreement,uint8 role,uint32 fromDay,uint32 endDay,bytes32 parameters)"), j)
        );
    }

    function join(Join memory j) internal returns (uint32) {
        bytes32 act = hashOf(j);
        uint32 steward = agreements.terms(j.agreement).steward;
        return agreements.join(
            j,
            signed(MEMBER_KEY + j.member, act),
            signed(steward < 2 ? OPERATOR_KEY : MEMBER_KEY + steward, keccak256(abi.encode(keccak256("Countersign(bytes32 join)"), act))),
            signed(OPERATOR_KEY, keccak256(abi.encode(keccak256("Receipt(bytes32 join)"), act)))
        );
    }

    function anAnchor(uint32 reader, uint32 window, uint16 revision, bytes32 root) internal view returns (Anchor memory) {
        bytes32 act = keccak256(
            abi.encode(keccak256("Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)"), reader, window, revision, root)
        );
        return Anchor(reader, window, revision, root, signed(READER_KEY + reader, act));
    }

    /// @dev As `anchorMany` takes it; a group per run of one window. Signatures of 65 bytes become compact ones.
    function dense(Anchor[] memory list) internal pure returns (bytes memory packed) {
        for (uint256 from = 0; from < list.length;) {
            uint256 end = from;
            bytes memory group;
            for (; end < list.length && list[end].window == list[from].window; end++) {
                group = abi.encodePacked(group, list[end].reader, list[end].revision, list[end].root, compact(list[end].signature));
            }
            packed = abi.encodePacked(packed, list[from].window, uint16(end - from), group);
            from = end;
        }
    }

    function compact(bytes memory signature) internal pure returns (bytes memory) {
        if (signature.length != 65) return signature;
        (bytes32 r, bytes32 s) = (bytes32(0), bytes32(0));
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        return abi.encodePacked(r, uint8(signature[64]) == 28 ? s | bytes32(uint256(1) << 255) : s);
    }
}
