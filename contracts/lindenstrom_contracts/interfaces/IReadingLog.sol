// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @notice What a reader signs (EIP-712, without the signature): the root of its tree of packs for a window.
/// @param signature 65 bytes r ‖ s ‖ v for a secp256k1 key, 64 bytes r ‖ s for a P-256 key.
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
/// `anchor` takes one record and says exactly what is wrong with it; `anchorMany` takes up to 256 and passes over what it cannot take, so
/// that no record can keep back those it travels with. Both make one batch of what is new.
///
/// NOT guaranteed: that a root can be opened, that packs below it are well-formed or true, or that a reader anchors at all.
/// Warning: the log compares a known record's root with the newest one only, and by its low 24 bits. A second root that a reader signed
/// for a known revision is never stored, whatever its bits; only the error is not raised in one of 2^24 cases.
interface IReadingLog {
    /// @notice New records of one window, in the order of their batch.
    /// @param time Block time.
    /// @param firstSlot Place of the first of them in the batch, what `RecordOpening` needs; the others follow.
    /// @param records k × (reader u32 ‖ revision u16 ‖ root b32).
    event Anchored(uint32 indexed window, uint64 indexed batch, uint64 time, uint16 firstSlot, bytes records);
    /// @notice `anchorMany` passed over a record. A known record is passed over without this event.
    /// @param index Place of the record in the call, from 0, counted through all groups.
    /// @param why 1 UnknownReader, 2 WindowNotOver, 3 ZeroRoot, 4 RootConflict, 5 RevisionGap, 6 TooManyRevisions, 7 NotSignedByReader.
    event Skipped(uint16 index, uint8 why);
    event Withheld(uint32 indexed reader, uint32 indexed window, address auditor);

    error BatchSize(uint256 count);
    /// @notice The groups do not end with the bytes.
    error BatchMalformed(uint256 length);
    error ZeroRoot(uint32 reader, uint32 window);
    /// @notice The newest known revision of this window has another root.
    error RootConflict(uint32 reader, uint32 window, uint16 revision);
    error RevisionGap(uint32 reader, uint32 window, uint16 revision, uint16 next);
    error TooManyRevisions(uint32 reader, uint32 window);
    error NotSignedByReader(uint32 reader);
    error AlreadyRecorded(uint32 reader, uint32 window);
    /// @notice The opening does not lead to the batch that the chain recorded.
    error BadRecord(uint32 reader, uint32 window, uint16 revision);

    /// @notice One record, signed by its reader's key of now; reverts with what is wrong. A known one is passed over, its signature unread.
    /// @return batch The id of the record's batch; 0 if it was known.
    function anchor(Anchor calldata record) external returns (uint64 batch);
    /// @notice 1 to 256 records in groups of one window each, one after another without gaps:
    /// window u32 ‖ count u16 ‖ count × (reader u32 ‖ revision u16 ‖ root b32 ‖ signature 64).
    /// @dev The signature is r ‖ yParityAndS (EIP-2098) for a secp256k1 key, r ‖ s for a P-256 key. Readers in rising order save gas.
    /// @return batch The id of the batch of new records; 0 if nothing was new.
    function anchorMany(bytes calldata packed) external returns (uint64 batch);
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
