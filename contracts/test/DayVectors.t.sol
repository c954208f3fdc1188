// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Clearing} from "../lindenstrom_contracts/libraries/Clearing.sol";
import {Reasons} from "../lindenstrom_contracts/libraries/Reasons.sol";
import {Tree} from "../lindenstrom_contracts/libraries/Tree.sol";
import {Checks} from "./Vm.sol";

/// @dev The clearing's calldata function, callable; reduces `rest` like the library does.
contract Runner {
    function run(Clearing.Rule memory rule, bytes calldata triples, uint256[] memory metered, uint256[] memory rest)
        external
        pure
        returns (uint8 reason, uint256 energy, uint256 worth, uint256[] memory left)
    {
        (reason, energy, worth) = Clearing.run(rule, triples, metered, rest);
        left = rest;
    }
}

/// @dev Whole days that the Python side settled: a member's lines, every leaf, the three roots and the digest, byte for byte.
contract DayVectorsTest is Checks {
    uint256 private constant CASES = 3;

    struct Trades {
        uint256[] agreement;
        uint256[] key;
        uint256[] rule;
        uint256[] priceA;
        uint256[] priceB;
        uint256[] fee;
        uint256[] cap;
        uint256[] role;
        uint256[] weight;
        uint256[] share;
        uint256[] limit;
        bytes32[] salt;
        bytes32[] parameters;
        bytes[] triples;
    }

    Runner private runner;
    string private json;

    function setUp() public {
        runner = new Runner();
        json = vm.readFile("../tests/vectors/days.json");
    }

    function test_lines() public view {
        for (uint256 c = 0; c < CASES; c++) {
            Trades memory t = trades(c);
            uint256[] memory metered = packed(numbers(c, "draw"), numbers(c, "feed"));
            uint256[] memory rest = packed(numbers(c, "draw"), numbers(c, "feed"));
            eq(metered.length, number(c, "slots"), "slots");
            bytes memory lines;
            int256 net = 0;
            for (uint256 j = 0; j < t.agreement.length; j++) {
                int256 amount;
                bytes memory line;
                (line, amount, rest) = bill(t, j, number(c, "depth"), metered, rest);
                lines = bytes.concat(lines, line);
                net += amount;
            }
            eq(keccak256(lines), keccak256(vm.parseJsonBytes(json, at(c, "lines"))), "lines");
            eq(uint256(net), uint256(vm.parseJsonInt(json, at(c, "net"))), "net");
        }
    }

    function bill(Trades memory t, uint256 j, uint256 depth, uint256[] memory metered, uint256[] memory rest)
        private
        view
        returns (bytes memory line, int256 amount, uint256[] memory left)
    {
        uint256 energy;
        uint256 worth;
        {
            uint8 reason;
            (reason, energy, worth, left) = runner.run(ruleOf(t, j, depth), t.triples[j], metered, rest);
            eq(reason, Reasons.NONE, "fault");
        }
        amount = int256(uint256(uint128(worth))) - int256((worth >> 128) + (energy >> 128) * t.fee[j]);
        line = abi.encodePacked(uint32(t.agreement[j]), uint64(energy >> 128), uint64(energy), int128(amount));
    }

    function ruleOf(Trades memory t, uint256 j, uint256 depth) private pure returns (Clearing.Rule memory rule) {
        Terms memory terms;
        (terms.key, terms.rule, terms.cap) = (uint8(t.key[j]), uint8(t.rule[j]), uint32(t.cap[j]));
        (terms.priceA, terms.priceB) = (uint32(t.priceA[j]), uint32(t.priceB[j]));
        rule = Clearing.ruleOf(terms, depth);
        bytes memory opened = abi.encodePacked(bytes1(0x16), t.salt[j], uint32(t.weight[j]), uint32(t.share[j]), uint32(t.limit[j]));
        eq(keccak256(opened), t.parameters[j], "parameters");
        Clearing.addMember(rule, t.role[j], t.share[j], t.weight[j], t.limit[j]);
    }

    function test_leaves() public view {
        for (uint256 c = 0; c < CASES; c++) {
            bytes32 lines = keccak256(abi.encodePacked(bytes1(0x15), word(c, "linesSalt"), vm.parseJsonBytes(json, at(c, "lines"))));
            bytes memory head = abi.encodePacked(
                bytes1(0x11), word(c, "community"), uint32(number(c, "window")), uint16(0), uint32(number(c, "member")), lines
            );
            bytes32 leaf =
                keccak256(bytes.concat(head, abi.encodePacked(int128(vm.parseJsonInt(json, at(c, "net"))), word(c, "totalSalt"))));
            eq(leaf, word(c, "statementLeaf"), "statement");
            checkResults(c);
            checkSources(c);
        }
    }

    function checkResults(uint256 c) private view {
        Trades memory t = trades(c);
        uint256[] memory results = numbers(c, "results");
        bytes32[] memory leaves = words(c, "resultLeaves");
        bytes32[] memory salts = words(c, "resultSalts");
        uint256 checked = 0;
        for (uint256 i = 0; i < results.length; i++) {
            for (uint256 j = 0; j < t.agreement.length; j++) {
                if (t.agreement[j] != results[i]) continue;
                eq(keccak256(abi.encodePacked(bytes1(0x12), salts[i], t.triples[j])), leaves[i], "result");
                checked++;
            }
        }
        eq(checked, t.agreement.length, "results");
    }

    function checkSources(uint256 c) private view {
        bytes32[] memory leaves = words(c, "sourceLeaves");
        uint256[] memory kinds = numbers(c, "kind");
        uint256[] memory revisions = numbers(c, "revision");
        bytes32[] memory replacements = words(c, "replacement");
        yes(leaves.length > 0, "sources");
        for (uint256 i = 0; i < leaves.length; i++) {
            bytes32 leaf = keccak256(abi.encodePacked(bytes1(0x13), uint8(kinds[i]), uint16(revisions[i]), replacements[i]));
            eq(leaf, leaves[i], "source");
        }
    }

    function test_roots() public view {
        for (uint256 c = 0; c < CASES; c++) {
            bytes32 statements = checkRoot(c, "statements", "statementLeaves", "statementsRoot");
            bytes32 results = checkRoot(c, "results", "resultLeaves", "resultsRoot");
            bytes32 sources = checkRoot(c, "sources", "sourceLeaves", "sourcesRoot");
            bytes memory head = abi.encodePacked(
                bytes1(0x17),
                word(c, "community"),
                uint64(number(c, "sequence")),
                uint32(number(c, "window")),
                uint16(0),
                uint64(number(c, "asOf"))
            );
            eq(keccak256(bytes.concat(head, abi.encodePacked(statements, results, sources))), word(c, "digest"), "digest");
        }
    }

    function checkRoot(uint256 c, string memory positions, string memory leaves, string memory root) private view returns (bytes32 found) {
        uint256 width = 1 << number(c, "depth");
        uint256[] memory places = numbers(c, positions);
        bytes32[] memory values = words(c, leaves);
        bytes32[] memory row = new bytes32[](width + 1);
        for (uint256 i = 0; i < places.length; i++) {
            row[places[i]] = values[i];
        }
        found = Tree.fold(row, width);
        eq(found, word(c, root), root);
    }

    // Reading

    function trades(uint256 c) private view returns (Trades memory t) {
        (t.agreement, t.key, t.rule) = (numbers(c, "agreement"), numbers(c, "key"), numbers(c, "rule"));
        (t.priceA, t.priceB, t.fee, t.cap) = (numbers(c, "priceA"), numbers(c, "priceB"), numbers(c, "fee"), numbers(c, "cap"));
        (t.role, t.weight, t.share, t.limit) = (numbers(c, "role"), numbers(c, "weight"), numbers(c, "share"), numbers(c, "limit"));
        (t.salt, t.parameters) = (words(c, "salt"), words(c, "parameters"));
        t.triples = vm.parseJsonBytesArray(json, at(c, "triples"));
    }

    function packed(uint256[] memory draw, uint256[] memory feed) private pure returns (uint256[] memory metered) {
        metered = new uint256[](draw.length);
        for (uint256 s = 0; s < draw.length; s++) {
            metered[s] = draw[s] << 128 | feed[s];
        }
    }

    function at(uint256 c, string memory field) private pure returns (string memory) {
        return string.concat(".cases[", string(abi.encodePacked(bytes1(uint8(48 + c)))), "].", field);
    }

    function number(uint256 c, string memory field) private view returns (uint256) {
        return vm.parseJsonUint(json, at(c, field));
    }

    function numbers(uint256 c, string memory field) private view returns (uint256[] memory) {
        return vm.parseJsonUintArray(json, at(c, field));
    }

    function word(uint256 c, string memory field) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, at(c, field));
    }

    function words(uint256 c, string memory field) private view returns (bytes32[] memory) {
        return vm.parseJsonBytes32Array(json, at(c, field));
    }
}
