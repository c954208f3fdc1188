"""The pages that come from the deep checks' files are up to date."""

from pathlib import Path

import pytest

from tests.deep.pages import PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_is_what_its_files_say(page: Path) -> None:
    assert page.read_text("utf-8") == PAGES[page](), "python -m tests.deep.pages write"
