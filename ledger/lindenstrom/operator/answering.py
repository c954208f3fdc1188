"""The operator's public answer to a member's demand: the member's day, opened on the chain (R7)."""

from lindenstrom.chain.client import TxResult
from lindenstrom.core.bundles import Bundle
from lindenstrom.core.refutation import recompute
from lindenstrom.demands import demand_on
from lindenstrom.facts import ChainFacts
from lindenstrom.operator.delivering import bundle_maker, open_posting
from lindenstrom.operator.errors import AnswerNotAllowed, AnswerWouldVoid, NotDemanded, NotPostedHere
from lindenstrom.operator.office import Office


def answerable(office: Office, sequence: int, member: int) -> Bundle:
    """The bundle that answers a demand, made from the store and recomputed as the contract would: nothing is sent.

    Errors: NotPostedHere, NotDemanded, AnswerNotAllowed, AnswerWouldVoid, StoredDayDiffers, and those of the chain.
    """
    posting = office.store.posting(sequence)
    if posting is None:
        raise NotPostedHere(sequence)
    demand = demand_on(office.contracts, office.contracts.posting(sequence), member)
    if demand is None:
        raise NotDemanded(sequence, member)
    if not demand.public_answer:
        raise AnswerNotAllowed(sequence, member)
    bundle = bundle_maker(office, open_posting(office, posting))(member)
    reason = recompute(ChainFacts(office.contracts, sequence), bundle.header, member, bundle.opening).reason
    if reason is not None:
        raise AnswerWouldVoid(sequence, reason)
    return bundle


def send_answer(office: Office, bundle: Bundle) -> TxResult:
    """Open a member's day on the chain, for ever. Errors: those of `Chain.send`."""
    call = office.contracts.answer(bundle.sequence, bundle.member, bundle.header, bundle.opening)
    return office.chain.send(call, office.key)
