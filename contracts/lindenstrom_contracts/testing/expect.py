"""What a test says about a refusal."""

from collections.abc import Iterator
from contextlib import contextmanager

from lindenstrom.errors import VerificationFailed
from lindenstrom_contracts.bindings.base import ContractError


class NotRefused(AssertionError, VerificationFailed):
    """The contract took what it should have refused."""

    def __init__(self, expected: ContractError) -> None:
        super().__init__(f"expected {type(expected).__name__}{expected.values}, but nothing was refused")


class OtherRefusal(AssertionError, VerificationFailed):
    """The contract refused for another reason, or with other values."""

    def __init__(self, expected: ContractError, found: ContractError) -> None:
        super().__init__(
            f"expected {type(expected).__name__}{expected.values}, found {type(found).__name__}{found.values}"
        )


@contextmanager
def refused(expected: ContractError) -> Iterator[None]:
    """`with refused(NotOperator(stranger.address)): …` fails unless exactly this error comes, values included."""
    try:
        yield
    except ContractError as found:
        if found != expected:
            raise OtherRefusal(expected, found) from found
        return
    raise NotRefused(expected)
