"""The invented run, released and rendered once, and a strict parser for its pages."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Literal
from xml.etree import ElementTree as ET

import pytest

from evaluation.censoring import ENDS
from evaluation.findings import Check, Estimand, Estimate, Interval
from evaluation.study import Costs

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
def rich_result(example_result: Result) -> Result:
    """Return the invented run with hidden counts at their ends, effects by start and by month."""
    key = "avoidable_admissions"
    primary = next(
        e
        for e in example_result.estimates
        if e.outcome == key and e.is_primary and e.effect.estimand == "overall"
    )
    apart: list[tuple[Estimand, str, float]] = [
        *(("bound", end.key, 0.01 * i - 0.02) for i, end in enumerate(ENDS)),
        ("cohort", "2026-01", -0.03),
        ("cohort", "2026-03", 0.02),
        *(("calendar", f"2026-{month:02d}", 0.004 * month) for month in range(1, 10)),
    ]
    more = tuple(_shifted(primary, *one) for one in apart)
    check = Check(
        name="uncertain_counts",
        title="Whether suppressed and rounded counts could change the answer",
        passed=True,
        detail="60 of 1,386 counts are suppressed or rounded. Put where they move it most, "
        "they leave the estimate between \N{MINUS SIGN}14.0% and \N{MINUS SIGN}11.0%.",
        outcome=key,
    )
    return dataclasses.replace(
        example_result,
        estimates=(*example_result.estimates, *more),
        checks=(*example_result.checks, check),
        study=example_result.study.model_copy(update={"costs": Costs(programme=461_000.0)}),
    )


def _shifted(estimate: Estimate, estimand: Estimand, group: str, by: float) -> Estimate:
    """Return an estimate of another estimand, moved; those by start without a range."""
    effect = dataclasses.replace(
        estimate.effect, estimand=estimand, group=group, value=estimate.effect.value + by
    )
    old = estimate.interval
    low, high = (None if end is None else end + by for end in (old.low, old.high))
    interval = dataclasses.replace(old, low=low, high=high)
    if estimand == "cohort":
        interval = Interval(procedure=old.procedure, level=old.level, caveats=("too few sites",))
    return dataclasses.replace(estimate, effect=effect, interval=interval, is_primary=False)


@pytest.fixture(scope="session")
def rich(rich_result: Result) -> Released:
    """Return the rich run after disclosure control."""
    from evaluation.disclosure import release

    return release(rich_result)


@pytest.fixture(scope="session")
def rich_pages(rich: Released, draw: Callable[[Released], dict[str, str]]) -> dict[str, ET.Element]:
    """Return every page of the rich run as a tree."""
    return {name: _parse(text) for name, text in draw(rich).items() if name.endswith(".html")}


@pytest.fixture(scope="session")
def situate(example_result: Result) -> Callable[..., Released]:
    """Return a function that makes a run of one outcome whose answer rests on given ends."""
    from evaluation.disclosure import release

    key = "avoidable_admissions"
    panel = example_result.panel.filter(example_result.panel["outcome_key"] == key)
    events = tuple(e for e in example_result.event_study if e.outcome == key)

    def made(
        low: float | None,
        high: float | None,
        value: float,
        *,
        better: Literal["lower", "higher", "neither"] = "lower",
        smallest: float | None = -5.0,
        failed: bool = False,
    ) -> Released:
        """Release the run whose primary estimate has this value and these ends, in per cent."""
        study = example_result.study
        changes = {"better": better, "smallest_effect": smallest}
        check = Check(
            name="gaps",
            title="Gaps",
            passed=not failed,
            detail="The figures of two areas stop for some months.",
            outcome=key,
        )
        return release(
            dataclasses.replace(
                example_result,
                study=study.model_copy(
                    update={"outcomes": (study.outcomes[0].model_copy(update=changes),)}
                ),
                panel=panel,
                estimates=tuple(
                    _with_ends(e, low, high, value) if e.is_primary else e
                    for e in example_result.estimates
                    if e.outcome == key
                ),
                event_study=events,
                checks=(check,),
            )
        )

    return made


def _with_ends(estimate: Estimate, low: float | None, high: float | None, value: float) -> Estimate:
    """Return an overall estimate with this value and these ends; one of a site as it is."""
    if estimate.effect.estimand != "overall":
        return estimate
    effect = dataclasses.replace(estimate.effect, value=math.log1p(value / 100), scale="log")
    old = estimate.interval
    if low is None or high is None:
        interval = Interval(procedure=old.procedure, level=old.level)
    else:
        interval = dataclasses.replace(old, low=math.log1p(low / 100), high=math.log1p(high / 100))
    return dataclasses.replace(estimate, effect=effect, interval=interval)


@pytest.fixture(scope="session")
def texts(released: Released, draw: Callable[[Released], dict[str, str]]) -> dict[str, str]:
    """Return every page and chart of the invented run as text."""
    return draw(released)


@pytest.fixture(scope="session")
def pages(texts: dict[str, str]) -> dict[str, ET.Element]:
    """Return every page of the invented run as a tree."""
    return {name: _parse(text) for name, text in texts.items() if name.endswith(".html")}
