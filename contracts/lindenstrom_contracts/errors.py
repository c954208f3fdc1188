"""What can go wrong with artifacts and their compiler."""

from pathlib import Path

from lindenstrom.errors import CouldNotCheck, UsageError, VerificationFailed


class UnknownContract(UsageError):
    """No contract of this name belongs to the project."""

    def __init__(self, name: str, known: tuple[str, ...]) -> None:
        super().__init__(f"there is no contract {name!r}; the contracts are {', '.join(known)}")


class ArtifactUnreadable(CouldNotCheck):
    """A committed artifact is missing or is not what the compiler front end writes."""

    def __init__(self, path: Path) -> None:
        super().__init__(
            f"the artifact {path.name} is missing or damaged; restore it, "
            "or run `python -m lindenstrom_contracts.compiler build`"
        )


class CompilerMissing(CouldNotCheck):
    """Neither the pinned native compiler nor the npm one can be run."""

    def __init__(self, missing: str) -> None:
        super().__init__(f"cannot compile: {missing}")


class CompilationFailed(VerificationFailed):
    """The compiler refused the sources, or warned."""

    def __init__(self, messages: list[str]) -> None:
        super().__init__("the contracts do not compile cleanly:\n" + "\n".join(messages))


class ArtifactsDiffer(VerificationFailed):
    """The committed artifacts are not what the sources compile to."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the sources do not compile to the committed artifacts of {', '.join(names)}; "
            "run `python -m lindenstrom_contracts.compiler build` and commit the result"
        )


class BindingsDiffer(VerificationFailed):
    """The committed Python bindings are not what the artifacts say."""

    def __init__(self, names: list[str]) -> None:
        super().__init__(
            f"the bindings {', '.join(names)} do not fit the artifacts; "
            "run `python -m lindenstrom_contracts.bindgen write` and commit the result"
        )
