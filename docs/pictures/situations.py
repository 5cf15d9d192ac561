"""Five runs, one of each kind of answer, to take pictures of: see take.py."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from evaluation.disclosure import Released, release
from evaluation.geography import PILOT_SITES
from evaluation.pipeline import run
from evaluation.study import Study, load_study
from evaluation.wording import Kind, statement
from sample_generator import write

_DRAWS = 999

# A pilot that had not begun, on real figures: whatever is found is not the pilot. QUE, whose
# returns stop in August 2023, is left in on purpose, so that a check fails.
_REAL = '''
version = 1
title = "A made-up start on real figures"
notice = """
Real figures of NHS England (Acute discharge situation report, Open Government Licence v3.0) \\
with a MADE-UP start, October 2024, long before any nurse was trained. \\
Whatever is found is not the pilot."""

[contact]
name = "The evaluation team (an example)"
email = "evaluation@example.org"

[time]
frequency = "month"

[geography]
register = "icb"
boundaries = "2025-04"

[[outcomes]]
key = "nctr"
label = "Patients a day who no longer need to be in hospital"
source = "acute_discharge_sitrep"
metric = "nctr"
files = ["sitrep/*.csv"]
measure = "rate"
per = 1
better = "lower"
role = "primary"
smallest_effect = -5.0

[release]
suppress_below = 0
round_to = 1
'''


@dataclass(frozen=True, slots=True, kw_only=True)
class Situation:
    """A run whose answer is of one kind.

    Parameters
    ----------
    name : str
        Stem of the picture.
    kind : Kind
        The rule that its answer must come under.
    failed : bool
        Whether a check must fail.
    make : callable
        Writes the study into a folder; returns it.
    """

    name: str
    kind: Kind
    make: Callable[[Path], Study]
    failed: bool = False


def released(situation: Situation, folder: Path) -> Released:
    """Run a situation below ``folder``; refuse it when its answer is of another kind."""
    study = situation.make(folder)
    analysis = study.analysis.model_copy(
        update={"draws": _DRAWS, "procedures": ("wild", "randomisation")}
    )
    found = release(run(study.model_copy(update={"analysis": analysis})))
    outcome = study.outcomes[0]
    said = statement(found.primary(outcome.key), outcome, found.checks)
    if (said.kind, bool(said.caution)) != (situation.kind, situation.failed):
        raise SystemExit(f"{situation.name}: {said.kind} {said.caution} {said.sentence}")
    return found


def _sample(outcome: str, effect: float | None) -> Callable[[Path], Study]:
    """Return what writes the sample study with one outcome and its true effect in per cent."""

    def make(folder: Path) -> Study:
        write(folder, effects={} if effect is None else {outcome: effect})
        study = load_study(folder)
        kept = tuple(o for o in study.outcomes if o.key == outcome)
        return study.model_copy(update={"outcomes": kept})

    return make


def _real(sitrep: Path) -> Callable[[Path], Study]:
    """Return what writes the study of the real discharge report in ``sitrep``."""

    def make(folder: Path) -> Study:
        folder.mkdir()
        (folder / "sitrep").symlink_to(sitrep.resolve())
        sites = "".join(
            f'[[sites]]\nname = "{site.name}"\nunits = {json.dumps(site.units)}\n'
            'starts = "2024-10"\n'
            for site in PILOT_SITES
        )
        path = folder / "study.toml"
        path.write_text(_REAL + sites, encoding="utf-8")
        return load_study(path)

    return make


def situations(sitrep: Path | None) -> tuple[Situation, ...]:
    """Return the situations; the last, on real figures, only where these are."""
    made = (
        Situation(
            name="clear-benefit", kind="matters", make=_sample("avoidable_admissions", -15.0)
        ),
        Situation(name="too-early", kind="too_early", make=_sample("delayed_discharges", None)),
        Situation(name="too-small", kind="too_small", make=_sample("avoidable_admissions", 0.0)),
        Situation(name="harm", kind="worse", make=_sample("avoidable_admissions", 10.0)),
    )
    if sitrep is None:
        return made
    real = Situation(name="failed-check", kind="too_early", failed=True, make=_real(sitrep))
    return (*made, real)
