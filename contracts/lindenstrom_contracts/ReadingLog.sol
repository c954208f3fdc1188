// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IReadingLog, Anchor, RecordOpening} from "./interfaces/IReadingLog.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
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

    struct Word {
        uint256 cells;
    }

    /// @dev A batch in the making.
    struct Batch {
        uint64 id;
        bytes32 domain;
        bytes32[] keys;
        bytes32[] leaves;
        uint256 fresh;
        uint256 overBefore;
    }

    IRegistry public immutable registry;
    bytes32 private immutable COMMUNITY;

    uint64 public batchCount;
    mapping(uint64 batch => bytes32 digest) public batchDigest;
    /// @dev Key: window · 2^32 + reader / 8. A word holds eight readers, 32 bits each, reader % 8 = 0 lowest: count u8 ‖ low 24 bits of the
    /// newest root.
    mapping(uint256 windowAndGroup => Word) private _records;
    mapping(uint32 reader => mapping(uint32 window => uint64 time)) public withheldAt;

    constructor(IRegistry theRegistry) {
        registry = theRegistry;
        COMMUNITY = theRegistry.community();
    }

    function count(uint32 reader, uint32 window) external view returns (uint16) {
        uint256 cell = _wordOf(reader, window).cells >> (uint256(reader & 7) << 5);
        return uint16((cell >> 24) & 0xFF);
    }

    function openRecord(uint32 reader, uint32 window, uint16 revision, RecordOpening calldata opening) external view {
        bytes32 leaf = _leaf(reader, window, revision, opening.root);
        bytes32 top = Tree.root(leaf, opening.slot, opening.proof);
        bool fits = opening.proof.length <= 8 && opening.slot >> opening.proof.length == 0;
        require(fits && _digest(top, opening.time) == batchDigest[opening.batch], BadRecord(reader, window, revision));
    }

    function anchor(Anchor[] calldata records) external returns (uint64) {
        uint256 size = records.length;
        require(size != 0 && size <= MAX_BATCH, BatchSize(size));
        Batch memory batch = Batch(batchCount + 1, registry.domainSeparator(), _keysOf(records), new bytes32[](size + 1), 0, 0);
        for (uint256 i = 0; i < size; i++) {
            _take(batch, records[i], batch.keys[i]);
        }
        if (batch.fresh == 0) return 0;
        batchDigest[batch.id] = _digest(Tree.fold(batch.leaves, batch.fresh), uint64(block.timestamp));
        batchCount = batch.id;
        return batch.id;
    }

    function recordWithheld(uint32 reader, uint32 window) external {
        registry.auditorIndex(msg.sender);
        require(reader < registry.readerCount(), UnknownReader(reader));
        _requireOver(window);
        require(withheldAt[reader][window] == 0, AlreadyRecorded(reader, window));
        withheldAt[reader][window] = uint64(block.timestamp);
        emit Withheld(reader, window, msg.sender);
    }

    function _keysOf(Anchor[] calldata records) private view returns (bytes32[] memory) {
        uint32[] memory readers = new uint32[](records.length);
        for (uint256 i = 0; i < readers.length; i++) {
            readers[i] = records[i].reader;
        }
        return registry.readerKeys(readers);
    }

    function _take(Batch memory batch, Anchor calldata a, bytes32 key) private {
        (uint32 reader, uint32 window, uint16 revision, bytes32 root) = (a.reader, a.window, a.revision, a.root);
        // a window before one that is over is over
        if (window >= batch.overBefore) {
            _requireOver(window);
            batch.overBefore = uint256(window) + 1;
        }
        if (!_admit(reader, window, revision, root)) return;
        address signer = Signatures.signer(_actDigest(batch.domain, reader, window, revision, root), a.signature);
        require(bytes32(uint256(uint160(signer))) == key, NotSignedByReader(reader));
        uint256 slot = batch.fresh++;
        batch.leaves[slot] = _leaf(reader, window, revision, root);
        emit Anchored(reader, window, revision, root, batch.id, uint16(slot), uint64(block.timestamp));
    }

    /// @dev Counts a new record; false for a known one.
    function _admit(uint32 reader, uint32 window, uint16 revision, bytes32 root) private returns (bool) {
        require(root != 0, ZeroRoot(reader, window));
        Word storage word = _wordOf(reader, window);
        uint256 cells = word.cells;
        uint256 shift = uint256(reader & 7) << 5;
        uint256 cell = (cells >> shift) & 0xFFFFFFFF;
        uint256 known = cell >> 24;
        uint256 print = uint256(root) & FINGERPRINT;
        if (revision < known) {
            bool newest = uint256(revision) + 1 == known;
            require(!newest || print == cell & FINGERPRINT, RootConflict(reader, window, revision));
            return false;
        }
        require(revision == known, RevisionGap(reader, window, revision, uint16(known)));
        require(known < MAX_REVISIONS, TooManyRevisions(reader, window));
        word.cells = cells ^ ((cell ^ ((known + 1) << 24 | print)) << shift);
        return true;
    }

    function _wordOf(uint32 reader, uint32 window) private view returns (Word storage) {
        return _records[uint256(window) << 32 | reader >> 3];
    }

    function _requireOver(uint32 window) private view {
        uint256 end = registry.windowEnd(window);
        require(block.timestamp >= end, WindowNotOver(window, end));
    }

    /// @dev The EIP-712 digest that the reader signs.
    function _actDigest(bytes32 domain, uint32 reader, uint32 window, uint16 revision, bytes32 root) private pure returns (bytes32) {
        bytes32 kind = ANCHOR;
        bytes32 act;
        // abi.encode and keccak256, without keeping the memory
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, kind)
            mstore(add(free, 32), reader)
            mstore(add(free, 64), window)
            mstore(add(free, 96), revision)
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
            mstore(add(free, 33), or(or(shl(224, reader), shl(192, window)), shl(176, revision)))
            mstore(add(free, 43), root)
            leaf := keccak256(free, 75)
        }
    }

    function _digest(bytes32 top, uint64 time) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x18), top, time));
    }
}
