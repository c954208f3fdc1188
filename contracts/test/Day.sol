// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Join, Membership, Terms} from "../lindenstrom_contracts/interfaces/IAgreements.sol";
import {Anchor, RecordOpening} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {AgreementOpening, Header, MeterOpening, Opening, StatementOpening} from "../lindenstrom_contracts/interfaces/ISettlement.sol";
import {Community} from "./Community.sol";

/// @dev Trees for tests, written apart from the library: absent siblings are arbitrary non-zero nodes, as in a tree with many members.
library Grove {
    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x01), left, right));
    }

    /// @dev Root of `leaves` standing at `first`, `first` + 1, … of a tree of `depth` levels, and the proofs of all.
    function grow(bytes32[] memory leaves, uint256 first, uint256 depth) internal pure returns (bytes32 root, bytes32[][] memory proofs) {
        bytes32[] memory row = new bytes32[](first + leaves.length);
        for (uint256 i = 0; i < row.length; i++) {
            row[i] = i < first ? keccak256(abi.encode("neighbour", i)) : leaves[i - first];
        }
        proofs = new bytes32[][](leaves.length);
        for (uint256 i = 0; i < leaves.length; i++) {
            proofs[i] = new bytes32[](depth);
        }
        for (uint256 h = 0; h < depth; h++) {
            bytes32 pad = keccak256(abi.encode("pad", h));
            for (uint256 i = 0; i < leaves.length; i++) {
                uint256 sibling = ((first + i) >> h) ^ 1;
                proofs[i][h] = sibling < row.length ? row[sibling] : pad;
            }
            row = rise(row, pad);
        }
        root = row[0];
    }

    function rise(bytes32[] memory row, bytes32 pad) internal pure returns (bytes32[] memory next) {
        next = new bytes32[]((row.length + 1) / 2);
        for (uint256 i = 0; i < next.length; i++) {
            next[i] = node(row[2 * i], 2 * i + 1 < row.length ? row[2 * i + 1] : pad);
        }
    }
}

/// @dev Member 2's day of 100 slots (2026-10-25), honestly computed by plain checked arithmetic; tests then bend it.
abstract contract Day is Community {
    uint32 internal constant WINDOW = 20_751;
    uint256 internal constant SLOTS = 100;
    uint32 internal constant MEMBER = 2;
    uint256 internal constant BATCH = 256;
    /// @dev Within an auction's bounds; means nothing elsewhere.
    uint32 internal constant LIMIT = 180_001;

    uint256 internal meters;
    uint256 internal trades;
    uint256 internal postingTime;
    bytes[] internal packs;
    bytes[] internal triples;
    bytes internal lines;
    int128 internal net;
    RecordOpening[] internal records;
    bytes32[][] internal packProofs;

    function shareOf(uint256 j) internal pure returns (uint32) {
        return uint32(300_000 + 100_000 * j);
    }

    /// @dev A rank under the priority key.
    function weightOf(uint256 j) internal view returns (uint32) {
        (uint8 key,) = kindOf(j);
        return uint32(key == 4 ? 3 + j : 150_000 + 7 * j);
    }

    function parametersOf(uint256 j) internal view returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x16), keccak256(abi.encode("salt", j)), weightOf(j), shareOf(j), LIMIT));
    }

    /// @dev Allocation key and price rule of the agreement with the terms number j; by turns, unless a test has its own.
    function kindOf(uint256 j) internal view virtual returns (uint8 key, uint8 rule) {
        return (uint8(j % 2), uint8(j / 2 % 2));
    }

    /// @dev Each meter at a reader of its own; running order against the ids.
    function settle(uint256 meterCount, uint256 tradeCount) internal {
        (meters, trades) = (meterCount, tradeCount);
        for (uint32 i = 0; i < meters; i++) {
            if (i > 1) {
                vm.prank(operator);
                registry.addReader(i, 1, readerKey(i), 0);
            }
            bind(aBind(MEMBER, i, 40 + i));
            packs.push(packOf(i, 0, i == 1 ? 50 : 255));
        }
        for (uint256 j = 0; j < trades; j++) {
            (uint8 key, uint8 rule) = kindOf(j);
            Terms memory t = someTerms(key, rule);
            t.priority = uint8(9 - j);
            t.cap = j == 1 ? 40_000 : OPEN;
            join(Join(MEMBER, offer(t), 3, EARLIEST, OPEN, parametersOf(j)));
        }
        for (uint256 j = 0; j < trades; j++) {
            triples.push(triplesOf(trades - 1 - j));
        }
        vm.warp(registry.windowEnd(WINDOW) + 1 hours);
        anchorAll();
        bill();
        postingTime = registry.windowEnd(WINDOW) + CLOSE_DELAY;
        vm.warp(postingTime);
    }

    function draw(uint256 meter, uint256 slot) internal pure returns (uint32) {
        return uint32(uint256(keccak256(abi.encode("draw", meter, slot))) % 900_000);
    }

    function feed(uint256 meter, uint256 slot) internal pure returns (uint32) {
        return uint32(uint256(keccak256(abi.encode("feed", meter, slot))) % 700_000);
    }

    function packOf(uint256 i, uint16 revision, uint8 breakSlot) internal view returns (bytes memory) {
        bytes memory statuses;
        bytes memory values;
        uint64 imported = 0;
        uint64 exported = 0;
        for (uint256 s = 0; s < SLOTS; s++) {
            statuses = bytes.concat(statuses, bytes1(uint8(s % 4)));
            values = bytes.concat(values, abi.encodePacked(draw(i, s), feed(i, s)));
            imported += draw(i, s);
            exported += feed(i, s);
        }
        uint64 start = 77_000_000_000;
        bytes memory registers = breakSlot == 255
            ? abi.encodePacked(start, start, start + imported, start + exported, uint64(0), uint64(0), uint64(0), uint64(0))
            : abi.encodePacked(start, start, imported - 5, exported - 5, start + 5, start + 5, uint64(0), uint64(0));
        return bytes.concat(
            bytes1(0x10),
            registry.community(),
            aBind(MEMBER, uint32(i), uint32(40 + i)).meter,
            abi.encodePacked(WINDOW, revision, keccak256(abi.encode("pack", i)), breakSlot),
            registers,
            statuses,
            values
        );
    }

    /// @dev Of the agreement with the terms number j.
    function triplesOf(uint256 j) internal view returns (bytes memory day) {
        (uint8 key, uint8 rule) = kindOf(j);
        for (uint256 s = 0; s < SLOTS; s++) {
            uint256 random = uint256(keccak256(abi.encode("level", j, s)));
            // an auction's prices are those around the limit
            uint256 price = rule == 0 ? 110_000 : rule == 1 ? 180_000 : LIMIT - 1 + (random >> 128) % 3;
            day = bytes.concat(day, abi.encodePacked(uint32(price), levelOf(j, key, random), uint64((random >> 64) % (1 << 32))));
        }
    }

    /// @dev Such that some offers are taken whole and some in part.
    function levelOf(uint256 j, uint8 key, uint256 random) private view returns (uint64) {
        if (key == 1) return uint64(random % (1 << 24));
        if (key == 2) return uint64(random % (1 << 35));
        if (key == 3) return uint64(random % (1 << 52));
        if (key == 4) return uint64(((weightOf(j) - 1 + random % 3) << 48) + (random >> 192) % (1 << 32));
        return uint64(random % (1 << 32));
    }

    /// @dev All meters' records in one full batch; the rest of it are old windows of reader 0.
    function anchorAll() private {
        Anchor[] memory batch = new Anchor[](BATCH);
        bytes32[] memory leaves = new bytes32[](BATCH);
        for (uint32 i = 0; i < BATCH; i++) {
            if (i < meters) {
                bytes32[] memory leaf = new bytes32[](1);
                leaf[0] = keccak256(packs[i]);
                (bytes32 root, bytes32[][] memory proofs) = Grove.grow(leaf, 40 + i, DEPTH);
                packProofs.push(proofs[0]);
                batch[i] = anAnchor(i, WINDOW, 0, root);
            } else {
                batch[i] = anAnchor(0, WINDOW - i, 0, keccak256(abi.encode("old", i)));
            }
            leaves[i] =
                keccak256(abi.encodePacked(bytes1(0x14), registry.community(), batch[i].reader, batch[i].window, uint16(0), batch[i].root));
        }
        eq(readingLog.anchorMany(dense(batch)), 1, "batch");
        (, bytes32[][] memory paths) = Grove.grow(leaves, 0, 8);
        for (uint16 i = 0; i < meters; i++) {
            records.push(RecordOpening(1, uint64(block.timestamp), batch[i].root, i, paths[i]));
        }
    }

    /// @dev R3 in plain arithmetic: j counts in running order, the reverse of the ids.
    function bill() private {
        uint256[2][] memory rest = new uint256[2][](SLOTS);
        uint256[2][] memory own = new uint256[2][](SLOTS);
        for (uint256 s = 0; s < SLOTS; s++) {
            for (uint256 i = 0; i < meters; i++) {
                own[s][0] += draw(i, s);
                own[s][1] += feed(i, s);
            }
            rest[s] = [own[s][0], own[s][1]];
        }
        for (uint256 k = 0; k < trades; k++) {
            uint256 j = trades - 1 - k;
            (uint256 taken, uint256 given, int256 amount) = (0, 0, 0);
            for (uint256 s = 0; s < SLOTS; s++) {
                (uint256 t, uint256 g) = part(j, k, s, own[s], rest[s]);
                (rest[s][0], rest[s][1]) = (rest[s][0] - t, rest[s][1] - g);
                (taken, given) = (taken + t, given + g);
                int256 price = int256(number(triples[k], 20 * s, 4));
                amount += int256(g) * price - int256(t) * (price + 5000);
            }
            lines = bytes.concat(lines, abi.encodePacked(uint32(j + 1), uint64(taken), uint64(given), int128(amount)));
            net += int128(amount);
        }
    }

    function part(uint256 j, uint256 k, uint256 s, uint256[2] memory own, uint256[2] memory rest) private view returns (uint256, uint256) {
        return sharedOut(j, triples[k], 20 * s, offerOf(j, own[0], rest[0]), offerOf(j, own[1], rest[1]));
    }

    function offerOf(uint256 j, uint256 own, uint256 rest) private pure returns (uint256) {
        return least(least(rest, own * shareOf(j) / 1_000_000), j == 1 ? 40_000 : OPEN);
    }

    function sharedOut(uint256 j, bytes memory day, uint256 at_, uint256 c, uint256 f) private view returns (uint256, uint256) {
        (uint8 key, uint8 rule) = kindOf(j);
        uint256 price = number(day, at_, 4);
        if (rule == 2 && price != LIMIT) return (price < LIMIT ? c : 0, price > LIMIT ? f : 0);
        return (takenOf(key, weightOf(j), c, number(day, at_ + 4, 8)), f * number(day, at_ + 12, 8) / (1 << 32));
    }

    function takenOf(uint8 key, uint256 weight, uint256 c, uint256 level) private pure returns (uint256) {
        if (key == 1) return least(c, weight * level / 1_000_000);
        if (key == 2) return least(c, weight * level / (1 << 32));
        if (key == 3) return least(c, level / (1 << 32));
        if (key == 4 && weight < level / (1 << 48)) return c;
        if (key == 4 && weight > level / (1 << 48)) return 0;
        return least(c, c * (key == 4 ? level % (1 << 48) : level) / (1 << 32));
    }

    function number(bytes memory from, uint256 offset, uint256 size) private pure returns (uint256 value) {
        for (uint256 b = 0; b < size; b++) {
            value = value * 256 + uint8(from[offset + b]);
        }
    }

    function least(uint256 a, uint256 b) private pure returns (uint256) {
        return a < b ? a : b;
    }

    // Commitments and their openings

    /// @dev The honest opening; roots are those that its parts give.
    function honest() internal view returns (Header memory h, Opening memory o) {
        o.statement = StatementOpening({
            empty: false,
            community: registry.community(),
            window: WINDOW,
            revision: 0,
            index: MEMBER,
            net: net,
            salt: keccak256("total"),
            linesSalt: keccak256("line"),
            lines: lines,
            proof: new bytes32[](0)
        });
        o.meters = new MeterOpening[](meters);
        for (uint256 i = 0; i < meters; i++) {
            (o.meters[i].kind, o.meters[i].record, o.meters[i].pack, o.meters[i].packProof) = (1, records[i], packs[i], packProofs[i]);
        }
        o.agreements = new AgreementOpening[](trades);
        for (uint256 k = 0; k < trades; k++) {
            uint256 j = trades - 1 - k;
            AgreementOpening memory a = o.agreements[k];
            (a.weight, a.share, a.limit, a.salt) = (weightOf(j), shareOf(j), LIMIT, keccak256(abi.encode("salt", j)));
            (a.triplesSalt, a.triples) = (keccak256(abi.encode("triples", j)), triples[k]);
        }
        h = commit(o);
    }

    /// @dev Fills in the proofs and returns the header whose roots they lead to.
    function commit(Opening memory o) internal view returns (Header memory h) {
        h.window = WINDOW;
        h.asOf = uint64(registry.windowEnd(WINDOW) + CLOSE_DELAY);
        bytes32[][] memory proofs;
        bytes32[] memory leaves = new bytes32[](1);
        leaves[0] = statementLeaf(o.statement);
        (h.statementsRoot, proofs) = Grove.grow(leaves, MEMBER, DEPTH);
        o.statement.proof = proofs[0];

        leaves = new bytes32[](meters);
        for (uint256 i = 0; i < meters; i++) {
            leaves[i] = sourceLeaf(o.meters[i]);
        }
        (h.sourcesRoot, proofs) = Grove.grow(leaves, 1, DEPTH);
        for (uint256 i = 0; i < meters; i++) {
            o.meters[i].sourceProof = proofs[i];
        }

        leaves = new bytes32[](trades);
        for (uint256 k = 0; k < trades; k++) {
            leaves[trades - 1 - k] = resultLeaf(o.agreements[k]);
        }
        (h.resultsRoot, proofs) = Grove.grow(leaves, 1, DEPTH);
        for (uint256 k = 0; k < trades; k++) {
            o.agreements[k].proof = proofs[trades - 1 - k];
        }
    }

    function statementLeaf(StatementOpening memory s) internal pure returns (bytes32) {
        if (s.empty) return 0;
        bytes32 commitment = keccak256(abi.encodePacked(bytes1(0x15), s.linesSalt, s.lines));
        return keccak256(abi.encodePacked(bytes1(0x11), s.community, s.window, s.revision, s.index, commitment, s.net, s.salt));
    }

    function sourceLeaf(MeterOpening memory m) internal pure returns (bytes32) {
        return m.kind == 0 ? bytes32(0) : keccak256(abi.encodePacked(bytes1(0x13), m.kind, m.revision, m.replacement));
    }

    function resultLeaf(AgreementOpening memory a) internal pure returns (bytes32) {
        return a.empty ? bytes32(0) : keccak256(abi.encodePacked(bytes1(0x12), a.triplesSalt, a.triples));
    }

    function digestOf(uint64 sequence, Header memory h) internal view returns (bytes32) {
        return keccak256(
            abi.encodePacked(
                bytes1(0x17), registry.community(), sequence, h.window, h.revision, h.asOf, h.statementsRoot, h.resultsRoot, h.sourcesRoot
            )
        );
    }

    function post(Header memory h) internal returns (uint64 sequence) {
        sequence = settlement.nextSequence();
        vm.prank(operator);
        settlement.post(sequence, h);
    }

    function wish(uint64 sequence, Header memory h) internal view returns (bytes memory) {
        bytes32 kind = keccak256("Refute(uint32 member,uint64 sequence,bytes32 posting)");
        return signed(MEMBER_KEY + MEMBER, keccak256(abi.encode(kind, MEMBER, sequence, digestOf(sequence, h))));
    }
}
