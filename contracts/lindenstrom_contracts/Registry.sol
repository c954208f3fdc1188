// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Bind, Binding, Constants, IRegistry, ReaderKey} from "./interfaces/IRegistry.sol";
import {Calendar} from "./libraries/Calendar.sol";
import {
    AlreadyCarried,
    CommunityFull,
    DayTooEarly,
    EmptyInterval,
    NotOperator,
    NotShorter,
    NotSignedBy,
    SpecialMember,
    TooManyEver,
    TooManyLive,
    UnknownMember,
    UnknownReader
} from "./libraries/Errors.sol";
import {Intervals} from "./libraries/Intervals.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Who is who, and which meter counts for whom
/// @notice See IRegistry.
contract Registry is IRegistry {
    bytes32 private constant DOMAIN = keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)");
    bytes32 private constant ROTATE_READER = keccak256("RotateReader(uint32 reader,uint8 curve,bytes32 keyA,bytes32 keyB)");
    bytes32 private constant ROTATE_ACCOUNT = keccak256("RotateAccount(uint32 member,address account)");
    bytes32 private constant BIND =
        keccak256("Bind(uint32 member,bytes32 meter,uint32 reader,uint32 position,uint32 fromDay,uint32 endDay,bytes32 auditors)");
    bytes32 private constant UNBIND = keccak256("Unbind(uint32 binding,uint32 endDay)");

    uint256 private constant MAX_AUDITORS = 32;
    uint64 private constant NOTICE = 30 days;
    uint64 private constant OPEN = type(uint64).max;
    uint256 private constant MAX_LIVE = 4;
    uint256 private constant MAX_EVER = 32;

    /// @dev On secp256k1 the first slot says it all.
    struct Reader {
        uint8 curve;
        address signer;
        bytes32 x;
        bytes32 y;
    }

    struct Auditor {
        address account;
        uint64 fromTime;
        uint64 endTime;
    }

    /// @dev Two slots, the dates in the first: skipping a binding that does not hold costs one read.
    struct StoredBinding {
        uint32 member;
        uint32 reader;
        uint32 position;
        uint32 fromDay;
        uint32 endDay;
        bytes32 meter;
    }

    bytes32 public immutable community;
    uint256 private immutable CHAIN_ID;
    address public immutable operator;
    uint8 public immutable offsetHours;
    uint32 public immutable closeDelay;
    uint32 public immutable objectionPeriod;
    uint32 public immutable answerTime;
    uint8 public immutable depth;
    uint32 public immutable firstWindow;

    bytes32 public auditorsHash;
    Auditor[] private _auditors;
    mapping(address auditor => uint256 indexPlusOne) private _auditorIndex;
    mapping(address signer => bool) private _everReader;
    address[] private _accounts;
    mapping(address account => uint32 member) private _memberOf;
    uint32 public readerCount;
    mapping(uint32 index => Reader) private _readers;
    /// @dev Entry 0 is a filler: ids start at 1.
    StoredBinding[] private _bindings;
    mapping(uint32 member => uint32[] ids) private _bindingsOf;
    mapping(bytes32 meter => uint32[] ids) private _bindingsOfMeter;
    mapping(uint32 reader => mapping(uint32 position => uint32[] ids)) private _bindingsAt;
    mapping(bytes32 digest => bool carried) public isConsumed;

    modifier onlyOperator() {
        require(msg.sender == operator, NotOperator(msg.sender));
        _;
    }

    constructor(Constants memory c, address theOperator, address[] memory auditors) {
        // with more, local midnight would come after the clock change at 01:00 UTC
        require(c.offsetHours <= 2, ConstantOutOfRange(0, c.offsetHours));
        require(c.closeDelay >= 36 hours, ConstantOutOfRange(1, c.closeDelay));
        require(c.objectionPeriod >= 14 days, ConstantOutOfRange(2, c.objectionPeriod));
        require(c.answerTime >= 3 days, ConstantOutOfRange(3, c.answerTime));
        require(c.depth >= 1 && c.depth <= 20, ConstantOutOfRange(4, c.depth));
        require(theOperator != address(0), ZeroAddress());
        require(auditors.length <= MAX_AUDITORS, TooManyAuditors(auditors.length));

        CHAIN_ID = block.chainid;
        community = _buildDomain();
        operator = theOperator;
        offsetHours = c.offsetHours;
        closeDelay = c.closeDelay;
        objectionPeriod = c.objectionPeriod;
        answerTime = c.answerTime;
        depth = c.depth;
        firstWindow = uint32(_earliestDay());

        for (uint256 i = 0; i < auditors.length; i++) {
            _addAuditor(auditors[i], uint64(block.timestamp));
        }
        _hashAuditors();

        _bindings.push();
        for (uint32 m = 0; m < 2; m++) {
            _accounts.push(theOperator);
            emit MemberAdded(m, theOperator);
        }
    }

    // Views

    function domainSeparator() public view returns (bytes32) {
        return block.chainid == CHAIN_ID ? community : _buildDomain();
    }

    function auditorCount() external view returns (uint8) {
        return uint8(_auditors.length);
    }

    function auditor(uint8 index) external view returns (address, uint64, uint64) {
        require(index < _auditors.length, UnknownAuditor(index));
        Auditor storage a = _auditors[index];
        return (a.account, a.fromTime, a.endTime);
    }

    function auditorIndex(address who) public view returns (uint8) {
        uint256 plusOne = _auditorIndex[who];
        require(plusOne != 0, NotAuditor(who));
        Auditor storage a = _auditors[plusOne - 1];
        require(a.fromTime <= block.timestamp && block.timestamp < a.endTime, NotAuditor(who));
        return uint8(plusOne - 1);
    }

    function memberCount() external view returns (uint32) {
        return uint32(_accounts.length);
    }

    function account(uint32 member) public view returns (address) {
        require(member < _accounts.length, UnknownMember(member));
        return _accounts[member];
    }

    function reader(uint32 index) external view returns (ReaderKey memory) {
        return _key(index);
    }

    function signers(uint32[] calldata indices) external view returns (uint256[] memory found) {
        found = new uint256[](indices.length);
        for (uint256 i = 0; i < indices.length; i++) {
            Reader storage r = _readers[indices[i]];
            (uint8 curve, address signer) = (r.curve, r.signer);
            found[i] = uint256(curve) << 160 | uint160(signer);
        }
    }

    function bindingCount() external view returns (uint32) {
        return uint32(_bindings.length - 1);
    }

    function binding(uint32 id)
        external
        view
        returns (uint32 member, bytes32 meter, uint32 atReader, uint32 position, uint32 fromDay, uint32 endDay)
    {
        StoredBinding storage b = _binding(id);
        return (b.member, b.meter, b.reader, b.position, b.fromDay, b.endDay);
    }

    function bindingsOf(uint32 member) external view returns (uint32[] memory) {
        return _bindingsOf[member];
    }

    function liveBindings(uint32 member, uint32 window) external view returns (uint32[] memory ids, Binding[] memory bindings) {
        uint32[] memory all = _bindingsOf[member];
        ids = new uint32[](MAX_LIVE);
        bindings = new Binding[](MAX_LIVE);
        uint256 live = 0;
        for (uint256 i = 0; i < all.length; i++) {
            StoredBinding memory b = _dates(all[i]);
            if (window < b.fromDay || window >= b.endDay) continue;
            ids[live] = all[i];
            bindings[live++] = Binding(b.member, _bindings[all[i]].meter, b.reader, b.position, b.fromDay, b.endDay);
        }
        // SAFETY: only shrinks
        assembly ("memory-safe") {
            mstore(ids, live)
            mstore(bindings, live)
        }
    }

    function firstSlot(uint32 window) external view returns (uint256) {
        return Calendar.firstSlot(window, offsetHours);
    }

    function slotCount(uint32 window) external view returns (uint256) {
        return Calendar.slotCount(window, offsetHours);
    }

    function windowEnd(uint32 window) external view returns (uint256) {
        return Calendar.windowEnd(window, offsetHours);
    }

    function requireSignedBy(uint32 member, bytes32 structHash, bytes calldata signature) external view {
        _requireSignedBy(member, Signatures.digest(domainSeparator(), structHash), signature);
    }

    // Acts of the operator

    function addMember(uint32 expectedIndex, address newAccount) external onlyOperator {
        uint32 next = uint32(_accounts.length);
        require(expectedIndex == next, UnexpectedIndex(expectedIndex, next));
        require(next >> depth == 0, CommunityFull(next));
        _claim(next, newAccount);
        _accounts.push(newAccount);
        emit MemberAdded(next, newAccount);
    }

    function addReader(uint32 expectedIndex, uint8 curve, bytes32 keyA, bytes32 keyB) external onlyOperator {
        uint32 next = readerCount;
        require(expectedIndex == next, UnexpectedIndex(expectedIndex, next));
        _setKey(next, curve, keyA, keyB);
        readerCount = next + 1;
        emit ReaderAdded(next, curve, keyA, keyB);
    }

    function appointAuditor(uint8 expectedIndex, address newAuditor) external onlyOperator {
        uint256 next = _auditors.length;
        require(expectedIndex == next, UnexpectedIndex(expectedIndex, uint32(next)));
        require(next < MAX_AUDITORS, TooManyAuditors(next + 1));
        _addAuditor(newAuditor, uint64(block.timestamp) + NOTICE);
        _hashAuditors();
    }

    function dismissAuditor(uint8 index) external onlyOperator {
        require(index < _auditors.length, UnknownAuditor(index));
        Auditor storage a = _auditors[index];
        require(a.endTime == OPEN, AlreadyEnding(index, a.endTime));
        a.endTime = uint64(block.timestamp) + NOTICE;
        _hashAuditors();
        emit AuditorDismissed(index, a.endTime);
    }

    // Act of an auditor

    function resignAuditor() external {
        uint256 plusOne = _auditorIndex[msg.sender];
        require(plusOne != 0, NotAuditor(msg.sender));
        Auditor storage a = _auditors[plusOne - 1];
        require(block.timestamp < a.endTime, NotAuditor(msg.sender));
        a.endTime = uint64(block.timestamp);
        _hashAuditors();
        emit AuditorResigned(uint8(plusOne - 1), a.endTime);
    }

    // Signed acts, carried by anyone

    function rotateAccount(uint32 member, address newAccount, bytes calldata signature) external {
        address old = account(member);
        bytes32 digest = _consume(keccak256(abi.encode(ROTATE_ACCOUNT, member, newAccount)));
        _requireSignedBy(member, digest, signature);
        if (member > 1) delete _memberOf[old];
        _claim(member, newAccount);
        _accounts[member] = newAccount;
        emit AccountRotated(member, old, newAccount);
    }

    function rotateReader(uint32 index, uint8 curve, bytes32 keyA, bytes32 keyB, bytes calldata signature) external {
        ReaderKey memory old = _key(index);
        bytes32 digest = _consume(keccak256(abi.encode(ROTATE_READER, index, curve, keyA, keyB)));
        require(Signatures.isByKey(old, digest, signature), NotSignedByReader(index));
        _setKey(index, curve, keyA, keyB);
        emit ReaderRotated(index, curve, keyA, keyB);
    }

    function bind(Bind calldata act, bytes calldata signature) external returns (uint32 id) {
        require(act.member > 1, SpecialMember(act.member));
        bytes32 digest = _consume(keccak256(abi.encode(BIND, act)));
        _requireSignedBy(act.member, digest, signature);
        require(act.auditors == auditorsHash, AuditorsDiffer(act.auditors, auditorsHash));
        require(act.meter != 0, ZeroMeter());
        require(act.reader < readerCount, UnknownReader(act.reader));
        require(act.position >> depth == 0, PositionOutOfTree(act.position, uint32(1) << depth));
        require(act.fromDay < act.endDay, EmptyInterval(act.fromDay, act.endDay));
        _requireFuture(act.fromDay);

        id = uint32(_bindings.length);
        require(id >> depth == 0, CommunityFull(id));
        _checkCaps(act.member, act.fromDay, act.endDay);
        uint32 taken = _overlapping(_bindingsOfMeter[act.meter], act.fromDay, act.endDay);
        require(taken == 0, MeterTaken(act.meter, taken));
        taken = _overlapping(_bindingsAt[act.reader][act.position], act.fromDay, act.endDay);
        require(taken == 0, PositionTaken(act.reader, act.position, taken));

        _bindings.push(StoredBinding(act.member, act.reader, act.position, act.fromDay, act.endDay, act.meter));
        _bindingsOf[act.member].push(id);
        _bindingsOfMeter[act.meter].push(id);
        _bindingsAt[act.reader][act.position].push(id);
        emit MeterBound(id, act.member, act.reader, act.meter, act.position, act.fromDay, act.endDay);
    }

    function unbind(uint32 id, uint32 endDay, bytes calldata signature) external {
        StoredBinding storage b = _binding(id);
        if (signature.length == 0) {
            require(msg.sender == operator, NotOperator(msg.sender));
        } else {
            bytes32 digest = _consume(keccak256(abi.encode(UNBIND, id, endDay)));
            _requireSignedBy(b.member, digest, signature);
        }
        _requireFuture(endDay);
        require(endDay < b.endDay && endDay >= b.fromDay, NotShorter(endDay, b.fromDay, b.endDay));
        b.endDay = endDay;
        emit MeterUnbound(id, endDay);
    }

    // Internal

    function _buildDomain() private view returns (bytes32) {
        return keccak256(abi.encode(DOMAIN, keccak256("Lindenstrom"), keccak256("1"), block.chainid, address(this)));
    }

    function _earliestDay() private view returns (uint256) {
        return block.timestamp / 1 days + 2;
    }

    function _requireFuture(uint32 day) private view {
        require(day >= _earliestDay(), DayTooEarly(day, uint32(_earliestDay())));
    }

    function _key(uint32 index) private view returns (ReaderKey memory) {
        Reader storage r = _readers[index];
        (uint8 curve, address signer) = (r.curve, r.signer);
        // every curve has a number above zero
        require(curve != 0, UnknownReader(index));
        return curve == Signatures.P256 ? ReaderKey(curve, r.x, r.y) : ReaderKey(curve, bytes32(uint256(uint160(signer))), 0);
    }

    function _binding(uint32 id) private view returns (StoredBinding storage) {
        require(id != 0 && id < _bindings.length, UnknownBinding(id));
        return _bindings[id];
    }

    /// @dev Everything but the meter: one storage read.
    function _dates(uint32 id) private view returns (StoredBinding memory) {
        StoredBinding storage b = _bindings[id];
        return StoredBinding(b.member, b.reader, b.position, b.fromDay, b.endDay, 0);
    }

    function _consume(bytes32 structHash) private returns (bytes32 digest) {
        digest = Signatures.digest(domainSeparator(), structHash);
        require(!isConsumed[digest], AlreadyCarried(digest));
        isConsumed[digest] = true;
    }

    function _requireSignedBy(uint32 member, bytes32 digest, bytes calldata signature) private view {
        require(Signatures.isBy(account(member), digest, signature), NotSignedBy(member));
    }

    function _claim(uint32 member, address newAccount) private {
        require(newAccount != address(0), ZeroAddress());
        if (member < 2) return;
        require(_memberOf[newAccount] == 0, AccountTaken(newAccount, _memberOf[newAccount]));
        _memberOf[newAccount] = member;
    }

    function _setKey(uint32 index, uint8 curve, bytes32 keyA, bytes32 keyB) private {
        if (curve == Signatures.P256 && Signatures.hasP256()) {
            require(Signatures.onP256(keyA, keyB), KeyMalformed(keyA, keyB));
            _readers[index] = Reader(curve, address(0), keyA, keyB);
            return;
        }
        require(curve == Signatures.SECP256K1, CurveNotSupported(curve));
        address signer = address(uint160(uint256(keyA)));
        require(signer != address(0) && bytes32(uint256(uint160(signer))) == keyA && keyB == 0, KeyMalformed(keyA, keyB));
        require(_auditorIndex[signer] == 0, AuditorConflict(signer));
        _everReader[signer] = true;
        _readers[index] = Reader(curve, signer, 0, 0);
    }

    function _addAuditor(address who, uint64 fromTime) private {
        require(who != address(0), ZeroAddress());
        require(who != operator && _auditorIndex[who] == 0 && !_everReader[who], AuditorConflict(who));
        _auditors.push(Auditor(who, fromTime, OPEN));
        _auditorIndex[who] = _auditors.length;
        emit AuditorAppointed(uint8(_auditors.length - 1), who, fromTime);
    }

    function _hashAuditors() private {
        bytes memory packed;
        for (uint256 i = 0; i < _auditors.length; i++) {
            if (_auditors[i].endTime == OPEN) packed = abi.encodePacked(packed, _auditors[i].account);
        }
        auditorsHash = keccak256(packed);
    }

    function _checkCaps(uint32 member, uint32 fromDay, uint32 endDay) private view {
        uint32[] memory all = _bindingsOf[member];
        require(all.length < MAX_EVER, TooManyEver(member));
        uint256[] memory froms = new uint256[](all.length);
        uint256[] memory ends = new uint256[](all.length);
        for (uint256 i = 0; i < all.length; i++) {
            StoredBinding storage b = _bindings[all[i]];
            (froms[i], ends[i]) = (b.fromDay, b.endDay);
        }
        require(Intervals.peak(froms, ends, fromDay, endDay) < MAX_LIVE, TooManyLive(member));
    }

    /// @return The first of the given bindings that shares a day with [fromDay, endDay), or 0.
    function _overlapping(uint32[] storage ids, uint32 fromDay, uint32 endDay) private view returns (uint32) {
        for (uint256 i = 0; i < ids.length; i++) {
            StoredBinding storage b = _bindings[ids[i]];
            if (Intervals.overlap(b.fromDay, b.endDay, fromDay, endDay)) return ids[i];
        }
        return 0;
    }
}
