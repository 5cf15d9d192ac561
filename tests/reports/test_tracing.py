"""Every number of a page leads to its row in ``estimates.csv`` or ``event_study.csv``."""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator
from xml.etree.ElementTree import Element

import pytest

from evaluation import results
from evaluation.disclosure import Released
from evaluation.report.names import unit_of
from evaluation.results import Result
from evaluation.wording import detectable, number

# A hair for binary fractions beside half a unit of the last figure that is printed.
HAIR = 1e-9
NO_FIGURE = ("not available", "no range", "no estimate")
NAMES = ("outcome", "estimator", "procedure", "estimand", "group")
TRACED_FIGURES = ("forest-", "event-study-", "sensitivity-")

Pages = dict[str, Element]
Row = dict[str, str]
Key = tuple[str, ...]


@pytest.fixture(scope="module")
def rows(rich_result: Result, tmp_path_factory: pytest.TempPathFactory) -> dict[Key, Row]:
    """Return each row of the two files of a stored run, by what names it."""
    folder = tmp_path_factory.mktemp("run")
    results.write(rich_result, folder)
    found: dict[Key, Row] = {}
    for path in (next(folder.rglob("estimates.csv")), next(folder.rglob("event_study.csv"))):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                named = row if "group" in row else {**row, "group": row["event_time"]}
                key = tuple(named[name] for name in NAMES)
                assert key not in found
                found[key] = named
    return found


def _words(element: Element) -> str:
    return "".join(element.itertext())


def _read(text: str) -> tuple[float, float]:
    """Return a printed number and half a unit of its last figure."""
    digits = text.replace("\N{MINUS SIGN}", "-").replace(",", "").replace("%", "")
    digits = digits.removeprefix("rate ratio ").removeprefix("under ").lstrip("+")
    decimals = len(digits.partition(".")[2])
    return float(digits), 0.5 * 10.0**-decimals


def _traced_rows(page: Element) -> Iterator[Element]:
    return (row for row in page.iter("tr") if "data-estimator" in row.attrib)


def _factor(released: Released, row: Row) -> float:
    outcome = released.study.outcome(row["outcome"])
    return unit_of(outcome).factor if row["scale"] == "level" else 1.0


def _stored(released: Released, row: Row, field: str, text: str) -> float | None:
    """Return what a cell should say; None where the file has no such figure."""
    column = {
        "effect": "estimate",
        "relative": "relative_effect",
        "low": "relative_low",
        "high": "relative_high",
        "low_effect": "ci_low",
        "high_effect": "ci_high",
        "std_error": "std_error",
        "df": "df",
        "p": "p_value",
    }[field]
    if not row[column]:
        return None
    value = float(row[column])
    if column in ("estimate", "ci_low", "ci_high") and row["scale"] == "log":
        return math.exp(value) if text.startswith("rate ratio") else 100 * math.expm1(value)
    if column in ("estimate", "ci_low", "ci_high", "std_error"):
        return value * _factor(released, row)
    return value


def _hidden(released: Released, key: Key) -> bool:
    """Whether disclosure control took the level, and with it the per cents, of an estimate."""
    return any(
        (e.outcome, e.estimator, e.interval.procedure, e.effect.estimand, e.effect.group) == key
        and e.effect.observed is None
        for e in (*released.estimates, *released.event_study)
    )


def test_every_figure_of_an_estimate_is_the_one_in_its_row_of_the_file(
    rich: Released, rich_pages: Pages, rows: dict[Key, Row]
) -> None:
    traced: dict[str, int] = {}
    for page in rich_pages.values():
        for line in _traced_rows(page):
            key = tuple(line.attrib[f"data-{name}"] for name in NAMES)
            row = rows[key]
            for cell in line.iter():
                field = cell.attrib.get("data-field")
                if field is None:
                    continue
                text = _words(cell)
                expected = _stored(rich, row, field, text)
                if text in NO_FIGURE:
                    assert expected is None or _hidden(rich, key), (key, field)
                    continue
                assert expected is not None, (key, field)
                printed, half = _read(text)
                assert abs(printed - expected) <= half + HAIR, (key, field, text, expected)
                traced[key[3]] = traced.get(key[3], 0) + 1
    assert set(traced) == {"overall", "site", "cohort", "calendar", "bound", "event_time"}
    assert sum(traced.values()) > 500


def test_every_number_in_a_table_of_estimates_says_where_it_is_from(rich_pages: Pages) -> None:
    seen = set()
    for page in rich_pages.values():
        for figure in page.iter("figure"):
            if figure.attrib["id"].startswith(TRACED_FIGURES):
                seen.add(figure.attrib["id"].split("-")[0])
                lines = list(next(figure.iter("tbody")).iter("tr"))
                assert all("data-estimator" in line.attrib for line in lines)
        for line in _traced_rows(page):
            for cell in line.iter("td"):
                own = [e for e in cell.iter() if "data-field" in e.attrib]
                bare = "".join(
                    _words(e) if "data-field" not in e.attrib else ""
                    for e in ([] if "data-field" in cell.attrib else cell)
                )
                assert own or _words(cell) in NO_FIGURE
                assert own or not re.search(r"\d", bare)
    assert seen == {"forest", "event", "sensitivity"}


def _may_say(released: Released, row: Row, estimand: str, group: str) -> set[str]:
    """Return the numbers that a sentence on an estimate may have: its own and no other."""
    shown = released.primary(row["outcome"], estimand, group)
    assert shown is not None
    per_cent = [row[c] for c in ("relative_effect", "relative_low", "relative_high")]
    figures = [float(text) for text in per_cent if text]
    figures += [_factor(released, row) * float(row[c]) for c in ("estimate",) if row[c]]
    figures += [_factor(released, row) * float(row[c]) for c in ("ci_low", "ci_high") if row[c]]
    seen = detectable(shown)
    return {number(abs(figure)) for figure in (*figures, *(() if seen is None else (seen,)))}


def _numbers(text: str) -> list[str]:
    return re.findall(r"\d[\d,]*\.?\d*", re.sub(r"[.,](\s|$)", r"\1", text))


def test_every_number_in_an_answer_is_that_of_the_primary_estimate(
    rich: Released, rich_pages: Pages, rows: dict[Key, Row]
) -> None:
    primary = {
        (row["outcome"], row["estimand"], row["group"]): row
        for row in rows.values()
        if row["is_primary"] == "true"
    }
    traced = 0
    for name, page in rich_pages.items():
        site = _words(next(page.iter("h1"))) if name.startswith("sites/") else ""
        for element in page.iter():
            kind = element.attrib.get("class", "")
            if kind not in ("answer", "alone") or "data-outcome" not in element.attrib:
                continue
            about = ("site", site) if kind == "alone" else ("overall", "")
            row = primary[(element.attrib["data-outcome"], *about)]
            may = _may_say(rich, row, *about)
            for said in _numbers(_words(element)):
                assert said in may, (name, _words(element), may)
                traced += 1
    assert traced > 50


def test_every_point_of_a_trend_table_is_a_released_one(rich: Released, rich_pages: Pages) -> None:
    traced = hidden = 0
    for name, page in rich_pages.items():
        site = _words(next(page.iter("h1"))) if name.startswith("sites/") else ""
        keys = {
            _words(next(section.iter("h3"))): section
            for section in page.iter("section")
            if section.attrib.get("id", "").startswith("outcome-")
        }
        for outcome in rich.study.outcomes:
            section = keys.get(outcome.label)
            if section is None:
                continue
            figure = next(f for f in section.iter("figure") if f.attrib["id"].startswith("trend-"))
            ours = rich.trend(outcome.key, "site" if site else "pilot", site)
            theirs = rich.trend(outcome.key, "comparison")
            assert ours is not None
            assert theirs is not None
            lines = list(next(figure.iter("tbody")).iter("tr"))
            for trend, column in ((ours, 1), (theirs, 2)):
                for line, value, gone in zip(lines, trend.values, trend.suppressed, strict=True):
                    text = _words(line[column])
                    if gone or value is None:
                        assert text == ("[c]" if gone else "not reported")
                        hidden += gone
                        continue
                    printed, half = _read(text)
                    assert abs(printed - value * unit_of(outcome).factor) <= half + HAIR
                    traced += 1
    assert traced > 1000
    assert hidden > 0
