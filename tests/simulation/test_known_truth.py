"""METHODS section 6: the procedures hold what they promise where the truth is known.

Slow (`just calibrate`): 2,000 panels of each of fourteen processes. With PILOT_EVAL_TABLE=FILE the
measured table is written to that file; PILOT_EVAL_REPETITIONS and PILOT_EVAL_JOBS change how much
is done, and by how many processes.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from evaluation.simulation import Measured
from known_truth.asked import ERRORS, misses
from known_truth.page import page
from known_truth.table import ALL, BESIDE, Figures, Plan, run, run_beside

MOST_SIZE = 0.06
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


@pytest.fixture(scope="module")
def found() -> Iterator[_Found]:
    """Return the figures, filled in test by test; write them when they are complete."""
    so_far = _Found()
    yield so_far
    target = os.environ.get("PILOT_EVAL_TABLE")
    if target and set(so_far.figures) == set(ALL) and set(so_far.beside) == set(BESIDE):
        text = page(so_far.figures, so_far.beside, PLAN)
        Path(target).write_text(text, encoding="utf-8")


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
    for method in ("wild", "randomisation", "cr2"):
        rejected = found.beside[name][method].rejected
        assert rejected.value - ERRORS * rejected.error <= MOST_SIZE
