"""METHODS section 6: the procedures hold what they promise where the truth is known.

Slow (`just calibrate`): 2,000 panels of each of fourteen processes. With PILOT_EVAL_TABLE=FILE the
measured table is written to that file; PILOT_EVAL_REPETITIONS and PILOT_EVAL_JOBS change how much
is done, and by how many processes.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evaluation.simulation import Measured
from known_truth.asked import ERRORS, misses
from known_truth.page import fingerprint, page
from known_truth.table import ALL, BESIDE, DRAWING, Figures, Plan, run, run_beside
from known_truth.tried import COURSES, EFFECTS, over
from known_truth.tried_table import COURSES_OF, TriedFigures, run_tried

PAGE = Path(__file__).parents[2] / "docs" / "calibration.md"
MOST_SIZE = 0.06
# What the weighed test may lose anywhere, where what it gains elsewhere is many times as much.
LOST = 0.01
PLAN = Plan(
    repetitions=int(os.environ.get("PILOT_EVAL_REPETITIONS", "2000")),
    draws=999,
    jobs=int(os.environ.get("PILOT_EVAL_JOBS", str(os.cpu_count() or 1))),
)


@dataclass(slots=True)
class _Found:
    """What has been measured so far."""

    figures: dict[str, Figures] = field(default_factory=dict)
    beside: dict[str, dict[str, Measured]] = field(default_factory=dict)
    tried: dict[str, TriedFigures] = field(default_factory=dict)


@pytest.fixture(scope="module")
def found() -> Iterator[_Found]:
    """Return the figures, filled in test by test; write them when they are complete."""
    so_far = _Found()
    yield so_far
    target = os.environ.get("PILOT_EVAL_TABLE")
    complete = set(so_far.figures) == set(so_far.tried) == set(ALL)
    if target and complete and set(so_far.beside) == set(BESIDE):
        text = page(so_far.figures, so_far.beside, so_far.tried, PLAN)
        Path(target).write_text(text, encoding="utf-8")


def test_the_committed_page_is_of_these_processes() -> None:
    page_text = PAGE.read_text(encoding="utf-8")
    assert f"`{fingerprint()}`" in page_text


def tell(text: str) -> None:
    sys.stderr.write(f"{text}\n")


@pytest.mark.slow
@pytest.mark.parametrize("key", ALL)
def test_the_procedures_hold_what_is_asked(key: str, found: _Found) -> None:
    found.figures[key] = run(key, PLAN, tell)
    assert misses(key, found.figures[key]) == []


@pytest.mark.slow
@pytest.mark.parametrize("name", BESIDE)
def test_other_places_and_real_sizes_make_no_false_alarms(name: str, found: _Found) -> None:
    found.beside[name] = run_beside(name, PLAN, tell)
    for method in (*DRAWING, "cr2"):
        rejected = found.beside[name][method].rejected
        assert rejected.value - ERRORS * rejected.error <= MOST_SIZE


@pytest.mark.slow
@pytest.mark.parametrize("key", ALL)
def test_what_is_offered_for_more_power_has_it(key: str, found: _Found) -> None:
    tried = found.tried[key] = run_tried(key, PLAN, tell)
    powers = [
        (tried.power["randomisation_gls", effect], tried.power["randomisation", effect])
        for effect in EFFECTS
    ]
    if key in COURSES_OF:
        powers += [
            (tried.courses[over("randomisation_gls", c)], tried.courses[over("randomisation", c)])
            for c in COURSES
            # Which fades where noise does not last: the price that the page names.
            if not c.startswith("fades")
        ]
    for ours, plain in powers:
        room = ERRORS * math.hypot(ours.rejected.error, plain.rejected.error) + LOST
        assert ours.rejected.value >= plain.rejected.value - room
