// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Calendar} from "../lindenstrom_contracts/libraries/Calendar.sol";
import {Clearing} from "../lindenstrom_contracts/libraries/Clearing.sol";
import {Pack} from "../lindenstrom_contracts/libraries/Pack.sol";
import {Signatures} from "../lindenstrom_contracts/libraries/Signatures.sol";
import {Tree} from "../lindenstrom_contracts/libraries/Tree.sol";
import {Checks} from "./Vm.sol";

/// @dev The libraries' calldata functions, callable.
contract Libraries {
    function fault(bytes calldata pack, Pack.Expected memory e, uint256 slots) external pure returns (uint256, uint256[] memory) {
        uint256[] memory metered = new uint256[](slots);
        return (Pack.take(pack, e, metered), metered);
    }

    function tripleFault(Terms memory t, uint256 depth, bytes calldata triple) external pure returns (uint8) {
        return Clearing.tripleFault(t, depth, triple);
    }

    /// @dev One slot of a member who offers all it has, both ways.
    function slot(Terms memory t, uint256 limit, bytes calldata triple, uint256 draw, uint256 feed)
        external
        pure
        returns (uint8 reason, uint256 energy, uint256 worth)
    {
        Clearing.Rule memory rule = Clearing.ruleOf(t, 12);
        Clearing.addMember(rule, 3, 1_000_000, 0, limit);
        uint256[] memory metered = new uint256[](1);
        uint256[] memory rest = new uint256[](1);
        metered[0] = draw << 128 | feed;
        rest[0] = metered[0];
        (reason, energy, worth) = Clearing.run(rule, triple, metered, rest);
    }

    function holds(bytes32 root, uint256 depth, bytes32 leaf, uint256 index, bytes32[] calldata proof) external pure returns (bool) {
        return Tree.holds(root, depth, leaf, index, proof);
    }
}

contract CalendarTest is Checks {
    uint256 private constant MARCH_29_2026 = 20_541;
    uint256 private constant OCTOBER_25_2026 = 20_751;

    function test_known_days() public pure {
        eq(Calendar.slotCount(MARCH_29_2026, 1), 92, "spring");
        eq(Calendar.slotCount(OCTOBER_25_2026, 1), 100, "autumn");
        eq(Calendar.slotCount(MARCH_29_2026 - 1, 1), 96, "before");
        eq(Calendar.slotCount(MARCH_29_2026 + 1, 1), 96, "after");
        // 2026-03-28T23:00Z and 2026-10-24T22:00Z
        eq(Calendar.firstSlot(MARCH_29_2026, 1) * 900, 1_774_738_800, "winter midnight");
        eq(Calendar.firstSlot(OCTOBER_25_2026, 1) * 900, 1_792_879_200, "summer midnight");
        eq(Calendar.windowEnd(OCTOBER_25_2026, 1), 1_792_969_200, "back to winter");
    }

    /// @dev Over 100 years: two changes a year, on Sundays, and the year's slots add up.
    function test_every_year_has_one_short_and_one_long_day() public pure {
        uint256 short = 0;
        uint256 long = 0;
        for (uint256 w = 10_957; w < 10_957 + 36_525; w++) {
            uint256 n = Calendar.slotCount(w, 1);
            if (n == 96) continue;
            eq((w + 4) % 7, 0, "Sunday");
            if (n == 92) short++;
            else if (n == 100) long++;
            else revert Unequal(n, 96, "slots");
        }
        eq(short, 100, "short days");
        eq(long, 100, "long days");
    }
}

contract ClearingTest is Checks {
    uint256 private constant C = 2 ** 32 - 1;
    uint256 private constant K = 10 ** 6;
    uint256 private constant M = type(uint64).max;

    function test_extremes() public pure {
        eq(Clearing.taken(0, C, 2 ** 63, 0), C, "proportional, whole offer");
        eq(Clearing.taken(0, C, 2 ** 32 - 1, 0), C - 1, "proportional, floor");
        eq(Clearing.taken(0, C, M, 0), C, "not limited");
        eq(Clearing.taken(1, C, 2 ** 52, K), C, "static, whole offer");
        eq(Clearing.taken(1, C, C, K), C, "static, whole pool");
        eq(Clearing.taken(1, C, C, K - 1), C - 4295, "static, floor");
        eq(Clearing.taken(1, C, 2 ** 63, type(uint32).max), C, "no overflow");
        eq(Clearing.taken(2, C, M, type(uint32).max), C, "cascading, no overflow");
        eq(Clearing.taken(2, C, 7 << 32, 3), 21, "cascading");
        eq(Clearing.taken(3, C, 7 << 32, 3), 7, "equal, without weights");
        eq(Clearing.taken(4, C, 3 << 48, 2), C, "priority, a rank before");
        eq(Clearing.taken(4, C, (3 << 48) + 2 ** 31, 3), C / 2, "priority, the rank itself");
        eq(Clearing.taken(4, C, (3 << 48) + 2 ** 31, 4), 0, "priority, a rank behind");
        eq(Clearing.taken(4, C, M, 65_535), C, "priority, not limited");
        eq(Clearing.taken(4, C, M, 65_536), 0, "priority, no rank");
        eq(Clearing.given(C, Clearing.ONE), C, "whole feed");
        eq(Clearing.given(C, Clearing.ONE - 1), C - 1, "feed, floor");
        eq(Clearing.offered(2 ** 34 - 4, type(uint256).max, type(uint32).max, C), C, "cap");
        eq(Clearing.offered(1999, 5000, 500_000, C), 999, "share, floor");
        eq(Clearing.offered(1999, 7, 500_000, C), 7, "rest");
    }

    function testFuzz_bound(uint32 offer, uint64 level, uint32 weight, uint8 key) public pure {
        yes(Clearing.taken(key % 5, offer, level, weight) <= offer, "I2");
    }

    /// @dev What a search for the greatest level relies on.
    function testFuzz_more_for_a_higher_level(uint32 offer, uint64 a, uint64 b, uint32 weight, uint8 key) public pure {
        (uint256 low, uint256 high) = a < b ? (a, b) : (b, a);
        yes(Clearing.taken(key % 5, offer, low, weight) <= Clearing.taken(key % 5, offer, high, weight), "monotonous");
    }
}

/// @dev Numbers that the Python side wrote.
contract VectorsTest is Checks {
    string private constant FOLDER = "../tests/vectors/";
    Libraries private libraries;

    function setUp() public {
        libraries = new Libraries();
    }

    function read(string memory name) private view returns (string memory) {
        return vm.readFile(string.concat(FOLDER, name, ".json"));
    }

    function test_calendar() public view {
        string memory json = read("calendar");
        uint256[] memory windows = vm.parseJsonUintArray(json, ".window");
        uint256[] memory offsets = vm.parseJsonUintArray(json, ".offset");
        uint256[] memory firsts = vm.parseJsonUintArray(json, ".first");
        uint256[] memory counts = vm.parseJsonUintArray(json, ".count");
        yes(windows.length > 0, "vectors");
        for (uint256 i = 0; i < windows.length; i++) {
            eq(Calendar.firstSlot(windows[i], offsets[i]), firsts[i], "first");
            eq(Calendar.slotCount(windows[i], offsets[i]), counts[i], "count");
        }
    }

    function test_clearing() public view {
        string memory json = read("clearing");
        uint256[] memory keys = vm.parseJsonUintArray(json, ".key");
        uint256[] memory offers = vm.parseJsonUintArray(json, ".offered");
        uint256[] memory levels = vm.parseJsonUintArray(json, ".level");
        uint256[] memory weights = vm.parseJsonUintArray(json, ".weight");
        uint256[] memory taken = vm.parseJsonUintArray(json, ".taken");
        yes(keys.length > 0, "vectors");
        for (uint256 i = 0; i < keys.length; i++) {
            eq(Clearing.taken(keys[i], offers[i], levels[i], weights[i]), taken[i], "taken");
        }
        uint256[] memory feeds = vm.parseJsonUintArray(json, ".feed");
        levels = vm.parseJsonUintArray(json, ".giverLevel");
        uint256[] memory given = vm.parseJsonUintArray(json, ".given");
        for (uint256 i = 0; i < feeds.length; i++) {
            eq(Clearing.given(feeds[i], levels[i]), given[i], "given");
        }
    }

    function termsOf(uint256 key, uint256 rule, uint256 priceA, uint256 priceB) private pure returns (Terms memory t) {
        (t.key, t.rule, t.priceA, t.priceB, t.cap) = (uint8(key), uint8(rule), uint32(priceA), uint32(priceB), type(uint32).max);
    }

    /// @dev Each party's part of a slot, worth its energy times the slot's price.
    function test_auction() public view {
        string memory json = read("auction");
        uint256[] memory lows = vm.parseJsonUintArray(json, ".low");
        uint256[] memory highs = vm.parseJsonUintArray(json, ".high");
        bytes[] memory triples = vm.parseJsonBytesArray(json, ".triple");
        uint256[][5] memory columns;
        string[5] memory names = [".limit", ".draw", ".feed", ".taken", ".given"];
        for (uint256 c = 0; c < 5; c++) {
            columns[c] = vm.parseJsonUintArray(json, names[c]);
        }
        yes(triples.length > 0, "vectors");
        for (uint256 i = 0; i < triples.length; i++) {
            Terms memory t = termsOf(0, 2, lows[i], highs[i]);
            (uint8 reason, uint256 energy, uint256 worth) = libraries.slot(t, columns[0][i], triples[i], columns[1][i], columns[2][i]);
            eq(reason, 0, "price between the bounds");
            eq(energy >> 128, columns[3][i], "taken");
            eq(uint128(energy), columns[4][i], "given");
            eq(worth, energy * uint32(bytes4(triples[i])), "worth");
            eq(libraries.tripleFault(t, 12, triples[i]), 0, "honest");
        }
    }

    function test_triples() public view {
        string memory json = read("triples");
        uint256 depth = vm.parseJsonUint(json, ".depth");
        (uint256 priceA, uint256 priceB) = (vm.parseJsonUint(json, ".priceA"), vm.parseJsonUint(json, ".priceB"));
        uint256[] memory keys = vm.parseJsonUintArray(json, ".key");
        uint256[] memory rules = vm.parseJsonUintArray(json, ".rule");
        bytes[] memory triples = vm.parseJsonBytesArray(json, ".triple");
        uint256[] memory reasons = vm.parseJsonUintArray(json, ".reason");
        yes(keys.length > 0, "vectors");
        for (uint256 i = 0; i < keys.length; i++) {
            eq(libraries.tripleFault(termsOf(keys[i], rules[i], priceA, priceB), depth, triples[i]), reasons[i], "reason");
        }
    }

    function test_tree() public view {
        string memory json = read("tree");
        uint256 depth = vm.parseJsonUint(json, ".depth");
        bytes32 root = vm.parseJsonBytes32(json, ".root");
        uint256[] memory positions = vm.parseJsonUintArray(json, ".positions");
        bytes32[] memory leaves = vm.parseJsonBytes32Array(json, ".leaves");
        bytes32[] memory row = new bytes32[]((1 << depth) + 1);
        for (uint256 i = 0; i < positions.length; i++) {
            row[positions[i]] = leaves[i];
        }
        bytes32[2] memory shown = [row[5], row[7]];
        eq(Tree.fold(row, 1 << depth), root, "root");
        eq(Tree.fold(new bytes32[]((1 << depth) + 1), 1 << depth), vm.parseJsonBytes32(json, ".emptyRoot"), "empty root");
        checkProof(root, depth, shown[0], 5, vm.parseJsonBytes32Array(json, ".proof5"));
        checkProof(root, depth, shown[1], 7, vm.parseJsonBytes32Array(json, ".proof7"));
    }

    function checkProof(bytes32 root, uint256 depth, bytes32 leaf, uint256 index, bytes32[] memory proof) private view {
        yes(libraries.holds(root, depth, leaf, index, proof), "proof");
        yes(!libraries.holds(root, depth, leaf, index - 1, proof), "other place");
        yes(!libraries.holds(root, depth, leaf, index + (1 << depth), proof), "outside");
        yes(!libraries.holds(root, depth + 1, leaf, index, proof), "other depth");
    }

    function test_pack() public view {
        string memory json = read("pack");
        uint256 slots = vm.parseJsonUint(json, ".slots");
        Pack.Expected memory e = Pack.Expected(
            vm.parseJsonBytes32(json, ".community"),
            vm.parseJsonBytes32(json, ".meter"),
            uint32(vm.parseJsonUint(json, ".window")),
            uint16(vm.parseJsonUint(json, ".revision"))
        );
        bytes memory pack = vm.parseJsonBytes(json, ".pack");
        eq(keccak256(pack), vm.parseJsonBytes32(json, ".leaf"), "leaf");
        fault(pack, e, slots, Pack.FIT);
        bytes memory broken = vm.parseJsonBytes(json, ".packWithBreak");
        eq(keccak256(broken), vm.parseJsonBytes32(json, ".leafWithBreak"), "leaf with break");
        fault(broken, e, slots, Pack.FIT);
        fault(pack, e, slots - 4, Pack.LENGTH);
        fault(bytes.concat(pack, "x"), e, slots, Pack.LENGTH);
        bent(pack, 0, e, slots, Pack.TAG);
        bent(pack, 1, e, slots, Pack.COMMUNITY);
        bent(pack, 64, e, slots, Pack.METER);
        bent(pack, 68, e, slots, Pack.WINDOW);
        bent(pack, 70, e, slots, Pack.REVISION);
        for (uint256 s = 0; s < slots; s++) {
            bent(pack, 168 + s, e, slots, Pack.STATUS);
        }
        bent(pack, 103, e, slots, Pack.BREAK_SLOT);
        for (uint256 offset = 111; offset < 168; offset += 8) {
            bent(pack, offset, e, slots, Pack.REGISTERS);
        }
        bent(pack, pack.length - 1, e, slots, Pack.REGISTERS);
        bent(broken, 168 + slots, e, slots, Pack.REGISTERS);
    }

    /// @dev One byte changed: bit 2 is set in statuses and moves every other field.
    function bent(bytes memory pack, uint256 at_, Pack.Expected memory e, uint256 slots, uint256 expected) private view {
        pack[at_] ^= 0x04;
        fault(pack, e, slots, expected);
        pack[at_] ^= 0x04;
    }

    function fault(bytes memory pack, Pack.Expected memory e, uint256 slots, uint256 expected) private view {
        (uint256 found, uint256[] memory metered) = libraries.fault(pack, e, slots);
        eq(found, expected, "fault");
        eq(metered.length, slots, "slots");
    }

    function test_eip712() public view {
        string memory json = read("eip712");
        bytes32 separator = vm.parseJsonBytes32(json, ".separator");
        bytes32[] memory acts = vm.parseJsonBytes32Array(json, ".structHash");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".digest");
        string[] memory types = vm.parseJsonStringArray(json, ".type");
        yes(acts.length > 0, "vectors");
        for (uint256 i = 0; i < acts.length; i++) {
            eq(keccak256(bytes.concat(keccak256(bytes(types[i])), words(json, i, bytes(types[i])))), acts[i], "struct hash");
            eq(Signatures.digest(separator, acts[i]), digests[i], "digest");
        }
        bytes32 kind = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
        address registry = address(uint160(vm.parseJsonUint(json, ".registry")));
        uint256 chain = vm.parseJsonUint(json, ".chainId");
        eq(separator, keccak256(abi.encode(kind, keccak256("Lindenstrom"), keccak256("1"), chain, registry)), "separator");
    }

    /// @dev An act's fields as ABI words, in the order of its type.
    function words(string memory json, uint256 act, bytes memory kind) private pure returns (bytes memory row) {
        uint256 from = 0;
        bool isBool;
        for (uint256 i = 0; i < kind.length; i++) {
            if (kind[i] == " ") isBool = kind[from] == "b" && kind[from + 1] == "o";
            if ((kind[i] == "," || kind[i] == ")") && i > from) {
                string memory key = string.concat(".fields[", number(act), "].", string(part(kind, from, i)));
                row = bytes.concat(
                    row, isBool ? bytes32(uint256(vm.parseJsonBool(json, key) ? 1 : 0)) : bytes32(vm.parseJsonUint(json, key))
                );
            }
            if (kind[i] == "(" || kind[i] == "," || kind[i] == " ") from = i + 1;
        }
    }

    function part(bytes memory whole, uint256 from, uint256 end) private pure returns (bytes memory cut) {
        cut = new bytes(end - from);
        for (uint256 i = from; i < end; i++) {
            cut[i - from] = whole[i];
        }
    }

    function number(uint256 n) private pure returns (string memory) {
        bytes1 last = bytes1(uint8(48 + n % 10));
        return n < 10 ? string(bytes.concat(last)) : string.concat(number(n / 10), string(bytes.concat(last)));
    }
}
