"""The page about ControlNet says what the code has."""

from tools.control_page import PAGE, page


def test_the_tables_are_those_of_the_code():
    text = PAGE.read_text(encoding="utf-8")
    assert page(text) == text, "run `python -m tools.control_page` and commit the page"
