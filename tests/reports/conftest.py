"""The invented run, released and rendered once, and a strict parser for its pages."""

from __future__ import annotations

from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from evaluation.disclosure import Released
    from evaluation.results.result import Result

_VOID = {"meta", "br", "hr", "img", "input", "link"}


class _Strict(HTMLParser):
    """Builds a tree; refuses a tag that is not closed in order and an attribute given twice."""

    def __init__(self) -> None:
        super().__init__()
        self.builder = ET.TreeBuilder()
        self._open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        assert len(names) == len(set(names)), f"an attribute twice: {tag} {names}"
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        if tag in _VOID:
            self.builder.end(tag)
        else:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.builder.start(tag, {name: value or "" for name, value in attrs})
        self.builder.end(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open, f"</{tag}> closes nothing"
        assert self._open[-1] == tag, f"</{tag}> closes <{self._open[-1]}>"
        self.builder.end(self._open.pop())

    def handle_data(self, data: str) -> None:
        if self._open:
            self.builder.data(data)


def _parse(text: str) -> ET.Element:
    parser = _Strict()
    parser.feed(text)
    parser.close()
    return parser.builder.close()


@pytest.fixture(scope="session")
def parse() -> Callable[[str], ET.Element]:
    """Return a function from a page's text to its tree."""
    return _parse


@pytest.fixture(scope="session")
def draw() -> Callable[[Released], dict[str, str]]:
    """Return a function from a Released to every page and chart as text, by file name."""
    from evaluation.report.render import render_pages

    return lambda released: dict(render_pages(released, lambda _: None))


@pytest.fixture(scope="session")
def released(example_result: Result) -> Released:
    """Return the invented run after disclosure control."""
    from evaluation.disclosure import release

    return release(example_result)


@pytest.fixture(scope="session")
def texts(released: Released, draw: Callable[[Released], dict[str, str]]) -> dict[str, str]:
    """Return every page and chart of the invented run as text."""
    return draw(released)


@pytest.fixture(scope="session")
def pages(texts: dict[str, str]) -> dict[str, ET.Element]:
    """Return every page of the invented run as a tree."""
    return {name: _parse(text) for name, text in texts.items() if name.endswith(".html")}
