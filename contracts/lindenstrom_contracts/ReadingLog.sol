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

    IRegistry public immutable registry;
    bytes32 private immutable COMMUNITY;

    uint64 public batchCount;
    mapping(uint64 batch => bytes32 digest) public batchDigest;
    /// @dev A word holds eight readers, 32 bits each: count u8 ‖ low 24 bits of the newest root; reader % 8 = 0 lowest.
    mapping(uint32 window => mapping(uint256 readerGroup => uint256 word)) private _records;
    mapping(uint32 reader => mapping(uint32 window => uint64 time)) public withheldAt;

    constructor(IRegistry theRegistry) {
        registry = theRegistry;
        COMMUNITY = theRegistry.community();
    }

    function count(uint32 reader, uint32 window) external view returns (uint16) {
        return uint16(_cell(reader, window) >> 24);
    }

    function openRecord(uint32 reader, uint32 window, uint16 revision, RecordOpening calldata opening) external view {
        bytes32 leaf = _leaf(reader, window, revision, opening.root);
        bytes32 top = Tree.root(leaf, opening.slot, opening.proof);
        bool fits = opening.proof.length <= 8 && opening.slot >> opening.proof.length == 0;
        require(fits && _digest(top, opening.time) == batchDigest[opening.batch], BadRecord(reader, window, revision));
    }

    function anchor(Anchor[] calldata records) external returns (uint64 batch) {
        require(records.length != 0 && records.length <= MAX_BATCH, BatchSize(records.length));
        bytes32 domain = registry.domainSeparator();
        bytes32[] memory leaves = new bytes32[](records.length);
        uint64 next = batchCount + 1;
        uint256 fresh = 0;
        uint256 overUntil = 0;
        for (uint256 i = 0; i < records.length; i++) {
            Anchor calldata a = records[i];
            // windows below a window that is over are over
            if (a.window >= overUntil) {
                _requireOver(a.window);
                overUntil = uint256(a.window) + 1;
            }
            if (!_admit(a)) continue;
            _requireSigned(a, domain);
            leaves[fresh] = _leaf(a.reader, a.window, a.revision, a.root);
            emit Anchored(a.reader, a.window, a.revision, a.root, next, uint16(fresh), uint64(block.timestamp));
            fresh++;
        }
        if (fresh == 0) return 0;
        batchDigest[next] = _digest(Tree.fold(leaves, fresh), uint64(block.timestamp));
        batchCount = next;
        return next;
    }

    function recordWithheld(uint32 reader, uint32 window) external {
        registry.auditorIndex(msg.sender);
        require(reader < registry.readerCount(), UnknownReader(reader));
        _requireOver(window);
        require(withheldAt[reader][window] == 0, AlreadyRecorded(reader, window));
        withheldAt[reader][window] = uint64(block.timestamp);
        emit Withheld(reader, window, msg.sender);
    }

    /// @dev Counts a new record; false for a known one.
    function _admit(Anchor calldata a) private returns (bool) {
        require(a.root != 0, ZeroRoot(a.reader, a.window));
        mapping(uint256 => uint256) storage words = _records[a.window];
        uint256 word = words[a.reader >> 3];
        uint256 shift = uint256(a.reader & 7) << 5;
        uint256 cell = (word >> shift) & 0xFFFFFFFF;
        uint256 known = cell >> 24;
        uint256 print = uint256(a.root) & FINGERPRINT;
        if (a.revision < known) {
            bool newest = a.revision + 1 == known;
            require(!newest || print == cell & FINGERPRINT, RootConflict(a.reader, a.window, a.revision));
            return false;
        }
        require(a.revision == known, RevisionGap(a.reader, a.window, a.revision, uint16(known)));
        require(known < MAX_REVISIONS, TooManyRevisions(a.reader, a.window));
        words[a.reader >> 3] = word ^ ((cell ^ ((known + 1) << 24 | print)) << shift);
        return true;
    }

    function _requireSigned(Anchor calldata a, bytes32 domain) private view {
        (, bytes32 key,) = registry.reader(a.reader);
        bytes32 digest = Signatures.digest(domain, keccak256(abi.encode(ANCHOR, a.reader, a.window, a.revision, a.root)));
        address signer = Signatures.signer(digest, a.signature);
        require(bytes32(uint256(uint160(signer))) == key, NotSignedByReader(a.reader));
    }

    function _requireOver(uint32 window) private view {
        uint256 end = registry.windowEnd(window);
        require(block.timestamp >= end, WindowNotOver(window, end));
    }

    function _cell(uint32 reader, uint32 window) private view returns (uint256) {
        return (_records[window][reader >> 3] >> (uint256(reader & 7) << 5)) & 0xFFFFFFFF;
    }

    function _leaf(uint32 reader, uint32 window, uint16 revision, bytes32 root) private view returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x14), COMMUNITY, reader, window, revision, root));
    }

    function _digest(bytes32 top, uint64 time) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(bytes1(0x18), top, time));
    }
}
