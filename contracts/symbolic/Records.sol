// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ReadingLog} from "../lindenstrom_contracts/ReadingLog.sol";
import {Anchor} from "../lindenstrom_contracts/interfaces/IReadingLog.sol";
import {IRegistry, ReaderKey} from "../lindenstrom_contracts/interfaces/IRegistry.sol";
import {Svm} from "./Postings.sol";

/// @dev Stands in for the registry: every reader has the one key, every window is over.
contract AnyReaders {
    bytes32 private _key;

    constructor(bytes32 key) {
        _key = key;
    }

    function community() external pure returns (bytes32) {
        return bytes32("community");
    }

    function domainSeparator() external pure returns (bytes32) {
        return bytes32("domain");
    }

    function windowEnd(uint32) external pure returns (uint256) {
        return 0;
    }

    function reader(uint32) external view returns (ReaderKey memory) {
        return ReaderKey(1, _key, 0);
    }
}

/// @dev A record taken by a log in any state whatever: eight readers share a word, and no cell spills into another.
contract RecordProofs {
    Svm private constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    function check_a_record_counts_in_its_own_cell_only(
        Anchor memory a,
        uint32 otherReader,
        uint32 otherWindow,
        bytes32 key,
        bytes32 r,
        bytes32 s,
        uint8 v
    ) external {
        ReadingLog log = new ReadingLog(IRegistry(address(new AnyReaders(key))));
        SVM.enableSymbolicStorage(address(log));
        a.signature = abi.encodePacked(r, s, v);
        uint16 was = log.count(a.reader, a.window);
        uint16 otherWas = log.count(otherReader, otherWindow);
        uint64 batches = log.batchCount();
        uint64 batch = log.anchor(a);
        uint16 now_ = log.count(a.reader, a.window);
        if (batch == 0) {
            assert(now_ == was && a.revision < was && log.batchCount() == batches);
        } else {
            assert(now_ == was + 1 && a.revision == was && now_ <= 255 && a.root != 0);
            assert(batch == batches + 1 && log.batchCount() == batch);
        }
        if (otherReader == a.reader && otherWindow == a.window) return;
        assert(log.count(otherReader, otherWindow) == otherWas);
    }

    function check_another_root_for_the_newest_revision_is_refused(Anchor memory a, bytes32 another, bytes32 key, bytes32 r, bytes32 s)
        external
    {
        ReadingLog log = new ReadingLog(IRegistry(address(new AnyReaders(key))));
        a.signature = abi.encodePacked(r, s, uint8(27));
        if (log.anchor(a) == 0 || uint24(uint256(a.root)) == uint24(uint256(another))) return;
        a.root = another;
        try log.anchor(a) {
            assert(false);
        } catch {}
    }
}
