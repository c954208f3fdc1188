// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a reader signs (EIP-712, without the signature): the root of its tree of packs for a window.
struct Anchor {
    uint32 reader;
    uint32 window;
    uint16 revision;
    bytes32 root;
    bytes signature;
}

/// @notice Shows that a root was anchored, and when.
/// @param slot The record's place among the new records of its batch.
/// @param proof Siblings from the record up to the batch's root.
struct RecordOpening {
    uint64 batch;
    uint64 time;
    bytes32 root;
    uint16 slot;
    bytes32[] proof;
}

/// @title When which reader signed what
/// @notice A record is (reader, window, revision) → root, once, for ever. Windows are independent of each other; revisions of a window count
/// up from 0 by one. Anyone carries records; delivering one again changes nothing.
///
/// NOT guaranteed: that a root can be opened, that packs below it are well-formed or true, or that a reader anchors at all.
/// Warning: the log compares a known record's root with the newest one only, and by its low 24 bits. A second root that a reader signed
/// for a known revision is never stored, whatever its bits; only the error is not raised in one of 2^24 cases.
interface IReadingLog {
    /// @param slot The record's place in its batch: what `RecordOpening` needs.
    event Anchored(uint32 indexed reader, uint32 indexed window, uint16 revision, bytes32 root, uint64 batch, uint16 slot, uint64 time);
    event Withheld(uint32 indexed reader, uint32 indexed window, address auditor);

    error BatchSize(uint256 count);
    error ZeroRoot(uint32 reader, uint32 window);
    /// @notice The newest known revision of this window has another root.
    error RootConflict(uint32 reader, uint32 window, uint16 revision);
    error RevisionGap(uint32 reader, uint32 window, uint16 revision, uint16 next);
    error TooManyRevisions(uint32 reader, uint32 window);
    error NotSignedByReader(uint32 reader);
    error AlreadyRecorded(uint32 reader, uint32 window);
    /// @notice The opening does not lead to the batch that the chain recorded.
    error BadRecord(uint32 reader, uint32 window, uint16 revision);

    /// @notice 1 to 256 records, each signed by its reader's key of now. Known ones are skipped, their signatures unread.
    /// @return batch The id of the batch of new records; 0 if all were known.
    function anchor(Anchor[] calldata records) external returns (uint64 batch);
    /// @notice Auditors only, once per reader and window: the reader keeps back what it should have delivered. Only postings made after
    /// this may replace its anchored readings on that ground.
    function recordWithheld(uint32 reader, uint32 window) external;

    /// @notice How many revisions of the window the reader has anchored.
    function count(uint32 reader, uint32 window) external view returns (uint16);
    /// @notice Ids from 1.
    function batchCount() external view returns (uint64);
    /// @notice keccak(0x18 ‖ batch root ‖ block time u64).
    function batchDigest(uint64 batch) external view returns (bytes32);
    /// @notice Unix time of the first auditor's record, 0 if none.
    function withheldAt(uint32 reader, uint32 window) external view returns (uint64);
    /// @notice Returns if the reader anchored `opening.root` as this revision at `opening.time`; else reverts with BadRecord.
    function openRecord(uint32 reader, uint32 window, uint16 revision, RecordOpening calldata opening) external view;
}
