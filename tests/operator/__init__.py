"""The operator on an embedded chain."""  # noqa: A005
