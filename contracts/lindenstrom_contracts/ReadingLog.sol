// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReadingLog, Anchor, RecordOpening} from "./interfaces/IReadingLog.sol";
import {IRegistry, ReaderKey} from "./interfaces/IRegistry.sol";
import {UnknownReader, WindowNotOver} from "./libraries/Errors.sol";
import {Signatures} from "./libraries/Signatures.sol";
import {Tree} from "./libraries/Tree.sol";

/// @title When which reader signed what
/// @notice See IReadingLog.
contract ReadingLog is IReadingLog {
    bytes32 private constant ANCHOR = keccak256("Anchor(uint32 reader,uint32 window,uint16 revision,bytes32 root)");
    uint256 private constant MAX_BATCH = 256;
    uint256 private constant MAX_REVISIONS = 255;
    uint256 private constant FINGERPRINT = 0xFFFFFF;

    uint256 private constant GROUP_HEAD = 6;
    uint256 private constant RECORD = 102;
    /// @dev A record as the event tells it.
    uint256 private constant ENTRY = 38;

    uint8 private constant UNKNOWN_READER = 1;
    uint8 private constant NOT_OVER = 2;
    uint8 private constant ZERO_ROOT = 3;
    uint8 private constant ROOT_CONFLICT = 4;
    uint8 private constant REVISION_GAP = 5;
    uint8 private constant TOO_MANY_REVISIONS = 6;
    uint8 private constant NOT_SIGNED = 7;
    /// @dev No fault, and nothing to do.
    uint8 private constant KNOWN = 8;

    /// @dev A batch in the making. index: the record at hand, through all groups. word, cells: a storage word at hand and what it held, so
    /// that neighbouring readers cost one write together.
    struct Batch {
        uint64 id;
        bytes32 domain;
        uint256[] signers;
        bytes32[] leaves;
        uint256 fresh;
        uint256 index;
        uint256 word;
        uint256 cells;
        uint256 stored;
    }

    IRegistry public immutable registry;
    bytes32 private immutable COMMUNITY;

    uint64 public batchCount;
    mapping(uint64 batch => bytes32 digest) public batchDigest;
    /// @dev Key: window · 2^32 + reader / 8. A word holds eight readers, 32 bits each, reader % 8 = 0 lowest: count u8 ‖ low 24 bits of the
    /// newest root.
    mapping(uint256 windowAndGroup => uint256 cells) private _records;
    mapping(uint32 reader => mapping(uint32 window => uint64 time)) public withheldAt;

    constructor(IRegistry theRegistry) {
        registry = theRegistry;
        COMMUNITY = theRegistry.community();
    }

    function count(uint32 reader, uint32 window) external view returns (uint16) {
        return uint16((_records[_wordOf(reader, window)] >> _shiftOf(reader) >> 24) & 0xFF);
    }

    function openRecord(uint32 reader, uint32 window, uint16 revision, RecordOpening calldata opening) external view {
        bytes32 leaf = _leaf(reader, window, revision, opening.root);
        bytes32 top = Tree.root(leaf, opening.slot, opening.proof);
        bool fits = opening.proof.length <= 8 && opening.slot >> opening.proof.length == 0;
        require(fits && _digest(top, opening.time) == batchDigest[opening.batch], BadRecord(reader, window, revision));
    }

    function anchor(Anchor calldata a) external returns (uint64 id) {
        (uint32 reader, uint32 window, uint16 revision, bytes32 root) = (a.reader, a.window, a.revision, a.root);
        ReaderKey memory key = registry.reader(reader);
        _requireOver(window);
        uint256 word = _wordOf(reader, window);
        (uint8 why, uint256 cells) = _counted(_records[word], _shiftOf(reader), revision, root);
        if (why == KNOWN) return 0;
        if (why != 0) _refuse(why, a, cells);
        bytes32 digest = _actDigest(registry.domainSeparator(), reader, window, revision, root);
        require(Signatures.isByKey(key, digest, a.signature), NotSignedByReader(reader));

        _records[word] = cells;
        id = _close(_leaf(reader, window, revision, root));
        emit Anchored(window, id, uint64(block.timestamp), 0, abi.encodePacked(reader, revision, root));
    }

    function anchorMany(bytes calldata packed) external returns (uint64) {
        Batch memory batch;
        batch.id = batchCount + 1;
        batch.domain = registry.domainSeparator();
        batch.signers = registry.signers(_readersOf(packed));
        batch.leaves = new bytes32[](batch.signers.length + 1);
        batch.word = type(uint256).max;
        for (uint256 at = 0; at < packed.length;) {
            at = _takeGroup(batch, packed, at);
        }
        _store(batch);
        if (batch.fresh == 0) return 0;
        return _close(Tree.fold(batch.leaves, batch.fresh));
    }

    function recordWithheld(uint32 reader, uint32 window) external {
        registry.auditorIndex(msg.sender);
        require(reader < registry.readerCount(), UnknownReader(reader));
        _requireOver(window);
        require(withheldAt[reader][window] == 0, AlreadyRecorded(reader, window));
        withheldAt[reader][window] = uint64(block.timestamp);
        emit Withheld(reader, window, msg.sender);
    }

    /// @dev The readers of all records, in order; reverts unless the groups end with the bytes.
    function _readersOf(bytes calldata packed) private pure returns (uint32[] memory readers) {
        readers = new uint32[](MAX_BATCH);
        uint256 size = 0;
        for (uint256 at = 0; at < packed.length;) {
            uint256 more = uint256(_wordAt(packed, at)) >> 208 & 0xFFFF;
            // SAFETY: calldata is short, and a count has 16 bits
            unchecked {
                uint256 end = at + GROUP_HEAD + RECORD * more;
                require(end <= packed.length, BatchMalformed(packed.length));
                require(size + more <= MAX_BATCH, BatchSize(size + more));
                for (at += GROUP_HEAD; at < end; at += RECORD) {
                    readers[size++] = uint32(uint256(_wordAt(packed, at)) >> 224);
                }
            }
        }
        require(size != 0, BatchSize(0));
        // SAFETY: only shrinks
        assembly ("memory-safe") {
            mstore(readers, size)
        }
    }

    /// @return The place behind the group.
    function _takeGroup(Batch memory batch, bytes calldata packed, uint256 at) private returns (uint256) {
        uint256 head = uint256(_wordAt(packed, at));
        (uint32 window, uint256 size) = (uint32(head >> 224), head >> 208 & 0xFFFF);
        bool over = block.timestamp >= registry.windowEnd(window);
        bytes memory entries = new bytes(size * ENTRY);
        uint256 first = batch.fresh;
        // SAFETY: all are small, `_readersOf` has measured the bytes
        unchecked {
            at += GROUP_HEAD;
            for (uint256 end = at + size * RECORD; at < end; at += RECORD) {
                uint8 why = over ? _take(batch, window, packed, at) : NOT_OVER;
                if (why == 0) _append(entries, batch.fresh++ - first, packed, at);
                else if (why != KNOWN) emit Skipped(uint16(batch.index), why);
                batch.index++;
            }
        }
        uint256 used = (batch.fresh - first) * ENTRY;
        if (used == 0) return at;
        // SAFETY: only shrinks
        assembly ("memory-safe") {
            mstore(entries, used)
        }
        emit Anchored(window, batch.id, uint64(block.timestamp), uint16(first), entries);
        return at;
    }

    /// @dev Counts the record at `at` and puts its leaf behind the others, or says why not.
    function _take(Batch memory batch, uint32 window, bytes calldata packed, uint256 at) private returns (uint8) {
        uint256 head = uint256(_wordAt(packed, at));
        (uint32 reader, uint16 revision) = (uint32(head >> 224), uint16(head >> 208));
        bytes32 root = _wordAt(packed, at + 6);
        if (batch.signers[batch.index] == 0) return UNKNOWN_READER;
        _load(batch, _wordOf(reader, window));
        (uint8 why, uint256 cells) = _counted(batch.cells, _shiftOf(reader), revision, root);
        if (why != 0) return why;
        bytes32 digest = _actDigest(batch.domain, reader, window, revision, root);
        if (!_signed(batch, digest, packed, at)) return NOT_SIGNED;
        batch.cells = cells;
        batch.leaves[batch.fresh] = _leaf(reader, window, revision, root);
        return 0;
    }

    function _signed(Batch memory batch, bytes32 digest, bytes calldata packed, uint256 at) private view returns (bool) {
        uint256 signer = batch.signers[batch.index];
        (bytes32 r, bytes32 s) = (_wordAt(packed, at + ENTRY), _wordAt(packed, at + ENTRY + 32));
        if (signer >> 160 == Signatures.SECP256K1) return Signatures.compactSigner(digest, r, s) == address(uint160(signer));
        ReaderKey memory key = registry.reader(uint32(uint256(_wordAt(packed, at)) >> 224));
        return Signatures.isP256(digest, r, s, key.keyA, key.keyB);
    }

    function _append(bytes memory entries, uint256 place, bytes calldata packed, uint256 at) private pure {
        // SAFETY: the group's record `place` at most; `entries` has room for all of the group
        assembly ("memory-safe") {
            calldatacopy(add(add(entries, 32), mul(place, ENTRY)), add(packed.offset, at), ENTRY)
        }
    }

    function _load(Batch memory batch, uint256 word) private {
        if (batch.word == word) return;
        _store(batch);
        (batch.word, batch.cells) = (word, _records[word]);
        batch.stored = batch.cells;
    }

    function _store(Batch memory batch) private {
        if (batch.cells != batch.stored) _records[batch.word] = batch.cells;
    }

    /// @dev The storage word with one more record in the reader's cell; or why not.
    function _counted(uint256 cells, uint256 shift, uint16 revision, bytes32 root) private pure returns (uint8 why, uint256) {
        uint256 cell = (cells >> shift) & 0xFFFFFFFF;
        uint256 known = cell >> 24;
        uint256 print = uint256(root) & FINGERPRINT;
        if (root == 0) return (ZERO_ROOT, cells);
        if (revision < known) {
            bool newest = uint256(revision) + 1 == known;
            return (newest && print != cell & FINGERPRINT ? ROOT_CONFLICT : KNOWN, cells);
        }
        if (revision != known) return (REVISION_GAP, cells);
        if (known == MAX_REVISIONS) return (TOO_MANY_REVISIONS, cells);
        return (0, cells ^ ((cell ^ ((known + 1) << 24 | print)) << shift));
    }

    function _refuse(uint8 why, Anchor calldata a, uint256 cells) private pure {
        require(why != ZERO_ROOT, ZeroRoot(a.reader, a.window));
        require(why != ROOT_CONFLICT, RootConflict(a.reader, a.window, a.revision));
        require(why != TOO_MANY_REVISIONS, TooManyRevisions(a.reader, a.window));
        revert RevisionGap(a.reader, a.window, a.revision, uint16(cells >> _shiftOf(a.reader) >> 24 & 0xFF));
    }

    function _close(bytes32 top) private returns (uint64 id) {
        id = batchCount + 1;
        batchDigest[id] = _digest(top, uint64(block.timestamp));
        batchCount = id;
    }

    function _wordAt(bytes calldata packed, uint256 at) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := calldataload(add(packed.offset, at))
        }
    }

    function _wordOf(uint32 reader, uint32 window) private pure returns (uint256) {
        return uint256(window) << 32 | reader >> 3;
    }

    function _shiftOf(uint32 reader) private pure returns (uint256) {
        return uint256(reader & 7) << 5;
    }

    function _requireOver(uint32 window) private view {
        uint256 end = registry.windowEnd(window);
        require(block.timestamp >= end, WindowNotOver(window, end));
    }

    /// @dev The EIP-712 digest that the reader signs.
    function _actDigest(bytes32 domain, uint32 reader, uint32 window, uint16 revision, bytes32 root) private pure returns (bytes32) {
        bytes32 kind = ANCHOR;
        bytes32 act;
        // abi.encode and keccak256, without keeping the memory; the compiler leaves it to assembly to clean narrow types
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mstore(add(free, 32), and(reader, 0xFFFFFFFF))
            mstore(add(free, 64), and(window, 0xFFFFFFFF))
            mstore(add(free, 96), and(revision, 0xFFFF))
            mstore(add(free, 128), root)
            act := keccak256(free, 160)
        }
        return Signatures.digest(domain, act);
    }

    /// @dev keccak(0x14 ‖ community ‖ reader u32 ‖ window u32 ‖ revision u16 ‖ root).
    function _leaf(uint32 reader, uint32 window, uint16 revision, bytes32 root) private view returns (bytes32 leaf) {
        bytes32 community = COMMUNITY;
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore8(free, 0x14)
            mstore(add(free, 1), community)
            mstore(add(free, 33), or(or(shl(224, reader), shl(192, and(window, 0xFFFFFFFF))), shl(176, and(revision, 0xFFFF))))
            mstore(add(free, 43), root)
            leaf := keccak256(free, 75)
        }
    }

    function _digest(bytes32 top, uint64 time) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x18), top, time));
    }
}
