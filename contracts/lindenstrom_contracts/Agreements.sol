// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAgreements, Join, Membership, Terms} from "./interfaces/IAgreements.sol";
import {IRegistry} from "./interfaces/IRegistry.sol";
import {
    AlreadyCarried,
    CommunityFull,
    DayTooEarly,
    EmptyInterval,
    NotShorter,
    SpecialMember,
    TooManyEver,
    TooManyLive
} from "./libraries/Errors.sol";
import {Intervals} from "./libraries/Intervals.sol";
import {Signatures} from "./libraries/Signatures.sol";

/// @title Terms and parties of every trade
/// @notice See IAgreements.
contract Agreements is IAgreements {
    bytes32 private constant OFFER = keccak256(
        "Offer(uint32 steward,uint32 number,uint8 key,uint8 rule,uint32 priceA,uint32 priceB,uint32 fee,uint32 cap,uint8 priority,uint32 firstWindow,uint32 lastWindow,bool publicDisputes)"
    );
    bytes32 private constant JOIN =
        keccak256("Join(uint32 member,uint32 agreement,uint8 role,uint32 fromDay,uint32 endDay,bytes32 parameters)");
    bytes32 private constant COUNTERSIGN = keccak256("Countersign(bytes32 join)");
    bytes32 private constant RECEIPT = keccak256("Receipt(bytes32 join)");
    bytes32 private constant LEAVE = keccak256("Leave(uint32 member,uint32 membership,uint32 endDay)");

    uint8 private constant LAST_KEY = 4;
    uint8 private constant LAST_RULE = 2;
    uint8 private constant AUCTION = 2;
    uint256 private constant MAX_OFFERS = 32;
    uint256 private constant MAX_LIVE = 4;
    uint256 private constant MAX_EVER = 32;

    IRegistry public immutable registry;
    uint8 private immutable DEPTH;

    /// @dev Entry 0 is a filler: ids start at 1.
    Terms[] private _terms;
    mapping(uint32 steward => uint32 count) public offersOf;
    mapping(uint32 member => Membership[]) private _memberships;
    mapping(bytes32 digest => bool carried) public isConsumed;

    constructor(IRegistry theRegistry) {
        registry = theRegistry;
        DEPTH = theRegistry.depth();
        _terms.push();
    }

    // Views

    function terms(uint32 agreement) public view returns (Terms memory) {
        require(agreement != 0 && agreement < _terms.length, UnknownAgreement(agreement));
        return _terms[agreement];
    }

    function agreementCount() external view returns (uint32) {
        return uint32(_terms.length - 1);
    }

    function membershipsOf(uint32 member) external view returns (Membership[] memory) {
        return _memberships[member];
    }

    function liveMemberships(uint32 member, uint32 window)
        external
        view
        returns (Membership[] memory memberships, Terms[] memory itsTerms)
    {
        memberships = new Membership[](MAX_LIVE);
        itsTerms = new Terms[](MAX_LIVE);
        Membership[] storage all = _memberships[member];
        uint256 count = all.length;
        uint256 live = 0;
        for (uint256 i = 0; i < count; i++) {
            Membership storage m = all[i];
            if (window < m.fromDay || window >= m.endDay) continue;
            Terms memory t = _terms[m.agreement];
            if (window < t.firstWindow || window > t.lastWindow) continue;
            // insert in order of (priority, agreement)
            uint256 place = live++;
            while (place > 0 && _runsAfter(itsTerms[place - 1].priority, memberships[place - 1].agreement, t.priority, m.agreement)) {
                (memberships[place], itsTerms[place]) = (memberships[place - 1], itsTerms[place - 1]);
                place--;
            }
            (memberships[place], itsTerms[place]) = (m, t);
        }
        // SAFETY: only shrinks
        assembly ("memory-safe") {
            mstore(memberships, live)
            mstore(itsTerms, live)
        }
    }

    // Signed acts, carried by anyone

    function offer(Terms calldata t, uint32 number, bytes calldata signature) external returns (uint32 agreement) {
        require(t.key <= LAST_KEY, KeyNotSupported(t.key));
        require(t.rule <= LAST_RULE, RuleNotSupported(t.rule));
        if (t.rule == AUCTION) {
            require(t.key == 0, AuctionKey(t.key));
            require(t.priceA <= t.priceB, PriceBounds(t.priceA, t.priceB));
        }
        _requireFuture(t.firstWindow);
        require(t.firstWindow <= t.lastWindow, EmptyInterval(t.firstWindow, t.lastWindow));
        uint32 next = offersOf[t.steward];
        require(number == next, UnexpectedNumber(number, next));
        require(t.steward < 2 || next < MAX_OFFERS, TooManyOffers(t.steward));
        registry.requireSignedBy(t.steward, _hashOffer(t, number), signature);

        agreement = uint32(_terms.length);
        require(agreement >> DEPTH == 0, CommunityFull(agreement));
        offersOf[t.steward] = next + 1;
        _terms.push(t);
        emit AgreementOffered(agreement, t.steward, t);
    }

    function join(Join calldata act, bytes calldata byMember, bytes calldata bySteward, bytes calldata byOperator)
        external
        returns (uint32 membership)
    {
        require(act.member > 1, SpecialMember(act.member));
        require(act.role >= 1 && act.role <= 3, RoleUnknown(act.role));
        require(act.parameters != 0, ZeroParameters());
        require(act.fromDay < act.endDay, EmptyInterval(act.fromDay, act.endDay));
        _requireFuture(act.fromDay);
        Terms memory t = terms(act.agreement);

        _requireAgreed(act, t.steward, byMember, bySteward, byOperator);
        _checkCaps(act, t);
        return _add(act);
    }

    function leave(uint32 member, uint32 membership, uint32 endDay, bytes calldata signature) external {
        require(membership < _memberships[member].length, UnknownMembership(member, membership));
        Membership storage m = _memberships[member][membership];
        bytes32 signed = keccak256(abi.encode(LEAVE, member, membership, endDay));
        _consume(signed);
        registry.requireSignedBy(member, signed, signature);
        _requireFuture(endDay);
        require(endDay < m.endDay && endDay >= m.fromDay, NotShorter(endDay, m.fromDay, m.endDay));
        m.endDay = endDay;
        emit MemberLeft(m.agreement, member, membership, endDay);
    }

    // Internal

    function _requireFuture(uint32 day) private view {
        uint256 earliest = block.timestamp / 1 days + 2;
        require(day >= earliest, DayTooEarly(day, uint32(earliest)));
    }

    function _consume(bytes32 structHash) private {
        bytes32 digest = Signatures.digest(registry.domainSeparator(), structHash);
        require(!isConsumed[digest], AlreadyCarried(digest));
        isConsumed[digest] = true;
    }

    function _requireAgreed(Join calldata act, uint32 steward, bytes calldata byMember, bytes calldata bySteward, bytes calldata byOperator)
        private
    {
        bytes32 signed = keccak256(abi.encode(JOIN, act));
        _consume(signed);
        registry.requireSignedBy(act.member, signed, byMember);
        registry.requireSignedBy(steward, keccak256(abi.encode(COUNTERSIGN, signed)), bySteward);
        bytes32 receipt = Signatures.digest(registry.domainSeparator(), keccak256(abi.encode(RECEIPT, signed)));
        require(Signatures.isBy(registry.operator(), receipt, byOperator), NotReceiptedByOperator());
    }

    function _add(Join calldata act) private returns (uint32 membership) {
        Membership[] storage all = _memberships[act.member];
        membership = uint32(all.length);
        all.push(Membership(act.agreement, act.role, act.fromDay, act.endDay, act.parameters));
        emit MemberJoined(act.agreement, act.member, membership, act.role, act.fromDay, act.endDay, act.parameters);
    }

    function _hashOffer(Terms calldata t, uint32 number) private pure returns (bytes32) {
        // in two halves: thirteen words at once are too many for the stack
        return keccak256(
            bytes.concat(
                abi.encode(OFFER, t.steward, number, t.key, t.rule, t.priceA),
                abi.encode(t.priceB, t.fee, t.cap, t.priority, t.firstWindow, t.lastWindow, t.publicDisputes)
            )
        );
    }

    function _runsAfter(uint8 priorityA, uint32 idA, uint8 priorityB, uint32 idB) private pure returns (bool) {
        return priorityA > priorityB || (priorityA == priorityB && idA > idB);
    }

    /// @dev A membership counts on the days that the terms hold too; so an agreement that ran out frees its place.
    function _checkCaps(Join calldata act, Terms memory t) private view {
        (uint256 from, uint256 end) = _clamp(act.fromDay, act.endDay, t);
        require(from < end, OutsideTerms(act.agreement, act.fromDay, act.endDay));
        Membership[] storage all = _memberships[act.member];
        uint256 count = all.length;
        require(count < MAX_EVER, TooManyEver(act.member));
        uint256[] memory froms = new uint256[](count);
        uint256[] memory ends = new uint256[](count);
        for (uint256 i = 0; i < count; i++) {
            Membership storage m = all[i];
            (froms[i], ends[i]) = _clamp(m.fromDay, m.endDay, _terms[m.agreement]);
            require(
                m.agreement != act.agreement || !Intervals.overlap(froms[i], ends[i], from, end),
                AlreadyJoined(act.member, act.agreement, uint32(i))
            );
        }
        require(Intervals.peak(froms, ends, from, end) < MAX_LIVE, TooManyLive(act.member));
    }

    function _clamp(uint256 from, uint256 end, Terms memory t) private pure returns (uint256, uint256) {
        uint256 termsEnd = uint256(t.lastWindow) + 1;
        return (from > t.firstWindow ? from : t.firstWindow, end < termsEnd ? end : termsEnd);
    }
}
