"""Members, readers, meters and agreements: chain and store together.

Every function may be repeated after a crash: it first looks whether the chain has the act already, and names the index
it expects, so nothing is done twice. What the store must know is stored before the chain is told.
"""

from dataclasses import dataclass

from lindenstrom.chain.abi import ContractCall
from lindenstrom.chain.errors import ContractRefused
from lindenstrom.core.eip712 import Act, Bind, Join, Leave, Offer, Receipt, Unbind
from lindenstrom.core.salts import meter_id
from lindenstrom.core.terms import Binding, Parameters, Terms
from lindenstrom.operator.errors import (
    AccountInUse,
    ActBelongsElsewhere,
    AgreementMissing,
    ParametersDiffer,
    SignatureDiffers,
)
from lindenstrom.operator.office import Office
from lindenstrom.signing import recover_address, sign_digest


@dataclass(frozen=True, slots=True, kw_only=True)
class JoinRequest:
    """What a member hands in to join: the act, the opened parameters, the member's and the steward's signatures."""

    act: Join
    parameters: Parameters
    by_member: bytes
    by_steward: bytes


def add_member(office: Office, name: str, account: bytes) -> int:
    """Register an account (20 bytes) and remember its name; the member's index. Raises AccountInUse."""
    office.require_operator()
    index = office.contracts.member_count()
    call = office.contracts.add_member(index, account)
    try:
        office.chain.call(call, caller=office.community.operator)
    except ContractRefused as refused:
        if refused.name != "AccountTaken":
            raise
        return _known_member(office, int(str(refused.values[1])), name)
    office.store.set_name(index, name)
    _send(office, call)
    return index


def _known_member(office: Office, member: int, name: str) -> int:
    if office.store.names().get(member, name) != name:
        raise AccountInUse(member)
    office.store.set_name(member, name)
    return member


def add_reader(office: Office, key: bytes) -> int:
    """Register a reader by its key, 20 bytes or 64 of P-256; the reader's index, an old one if the key is known."""
    office.require_operator()
    for reader, keys in sorted(office.reader.roster().reader_keys.items()):
        if keys[-1] == key:
            return reader
    index = office.contracts.reader_count()
    _send(office, office.contracts.add_reader(index, key))
    return index


def meter_of(office: Office, metering_point: str) -> bytes:
    """The pseudonymous id of a metering point, remembered in the store."""
    meter = meter_id(office.store.secret, metering_point)
    office.store.set_metering_point(meter, metering_point)
    return meter


def bind(office: Office, act: Bind, signature: bytes) -> int:
    """Carry a member's consent to a meter; the binding's id. Raises SignatureDiffers."""
    for binding in office.contracts.bindings_of(act.member):
        if _same_binding(binding, act):
            return binding.id
    _check_signature(office, act.member, act, signature)
    _send(office, office.contracts.bind(act, signature))
    return next(b.id for b in reversed(office.contracts.bindings_of(act.member)) if _same_binding(b, act))


def unbind(office: Office, binding: int, end_day: int, signature: bytes = b"") -> None:
    """End a binding: with the member's signature, or on the operator's own authority with none."""
    if office.contracts.binding(binding).end_day == end_day:
        return
    _send(office, office.contracts.unbind(Unbind(binding=binding, end_day=end_day), signature))


def offer(office: Office, terms: Terms, number: int, signature: bytes, label: str) -> int:
    """Carry a steward's offer and remember its label; the agreement's id. number counts the steward's offers from 0.

    Raises SignatureDiffers.
    """
    mine = [a for a, t in sorted(office.reader.roster().terms.items()) if t.steward == terms.steward]
    if number < len(mine) and office.contracts.terms(mine[number]) == terms:
        agreement = mine[number]
    else:
        act = Offer(terms=terms, number=number)
        _check_signature(office, terms.steward, act, signature)
        _send(office, office.contracts.offer(act, signature))
        agreement = [a for a, t in sorted(office.reader.roster().terms.items()) if t.steward == terms.steward][number]
    office.store.set_agreement_label(agreement, label)
    return agreement


def join(office: Office, request: JoinRequest) -> int:
    """Receive a member's parameters, receipt them, and carry the join; the membership's place in the member's list.

    The parameters are on disk before the receipt is signed: with it the operator can always clear.
    Errors: NotTheOperator, BadParameters, ParametersDiffer, AgreementMissing, SignatureDiffers.
    """
    office.require_operator()
    act = request.act
    if act.agreement not in range(1, office.contracts.agreement_count() + 1):
        raise AgreementMissing(act.agreement)
    if request.parameters.checked(office.contracts.terms(act.agreement)).commitment != act.parameters:
        raise ParametersDiffer(act.member, act.agreement)
    known = _place(office, act)
    office.store.put_parameters(act.member, act.agreement, request.parameters)
    if known is not None:
        return known
    _check_signature(office, act.member, act, request.by_member)
    separator = office.contracts.domain_separator()
    receipt = sign_digest(office.key, Receipt(join=act.struct_hash).digest(separator))
    _send(office, office.contracts.join(act, request.by_member, request.by_steward, receipt))
    place = _place(office, act)
    assert place is not None
    return place


def leave(office: Office, act: Leave, signature: bytes) -> None:
    """Carry a member's end of a membership. Raises SignatureDiffers."""
    mine = office.contracts.memberships_of(act.member)
    if act.membership < len(mine) and mine[act.membership].end_day == act.end_day:
        return
    _check_signature(office, act.member, act, signature)
    _send(office, office.contracts.leave(act, signature))


def _place(office: Office, act: Join) -> int | None:
    wanted = (act.agreement, act.role, act.from_day, act.parameters)
    for place, m in enumerate(office.contracts.memberships_of(act.member)):
        if (m.agreement, m.role, m.from_day, m.parameters) == wanted:
            return place
    return None


def _same_binding(binding: Binding, act: Bind) -> bool:
    # Not the end: it may have been shortened since.
    return (binding.meter, binding.reader, binding.position, binding.from_day) == (
        act.meter,
        act.reader,
        act.position,
        act.from_day,
    )


def _check_signature(office: Office, member: int, act: Act, signature: bytes) -> None:
    """Refuse early what no key of the member signed; accounts that are contracts are left to the chain."""
    if not 0 <= member < office.contracts.member_count():
        raise ActBelongsElsewhere(member)
    account = office.contracts.account(member)
    if office.chain.code(account):
        return
    if recover_address(act.digest(office.contracts.domain_separator()), signature) != account:
        raise SignatureDiffers(member)


def _send(office: Office, call: ContractCall) -> None:
    office.chain.send(call, office.key)
