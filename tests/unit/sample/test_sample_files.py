from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from evaluation.geography import PILOT_SITES, areas
from evaluation.resources import resource_folder
from evaluation.study import load_study
from sample_generator import KEYS, PRESCRIBERS, SEED, SERIES, design, simulate, true_effects, write
from sample_generator.facts import DAILY_READY

SAMPLE = resource_folder("sample_data")
ONE_MEGABYTE = 1_000_000
# The base effect is found by bisection to the last bits; the truth is stored to six decimals.
ROUNDING = 1e-6


def rows(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.read_text(encoding="utf-8").splitlines()))


def test_regenerating_gives_the_committed_bytes(tmp_path: Path) -> None:
    written = write(tmp_path)
    assert len(written) == len(KEYS) + 2
    for path in written:
        assert path.read_bytes() == (SAMPLE / path.name).read_bytes(), path.name


def test_another_seed_gives_other_data_and_the_same_study(tmp_path: Path) -> None:
    write(tmp_path, seed=SEED + 1)
    for key in KEYS:
        assert (tmp_path / f"{key}.csv").read_bytes() != (SAMPLE / f"{key}.csv").read_bytes()
    assert (tmp_path / "study.toml").read_bytes() == (SAMPLE / "study.toml").read_bytes()


def test_another_effect_moves_that_outcome_only_and_only_after_the_start(tmp_path: Path) -> None:
    write(tmp_path, effects={"avoidable_admissions": -20.0})
    for key in KEYS[1:]:
        assert (tmp_path / f"{key}.csv").read_bytes() == (SAMPLE / f"{key}.csv").read_bytes()
    starts = {unit: "2026" for site in PILOT_SITES for unit in site.units}
    pairs = zip(
        rows(tmp_path / "avoidable_admissions.csv"),
        rows(SAMPLE / "avoidable_admissions.csv"),
        strict=True,
    )
    changed = [(new["icb"], new["month"]) for new, old in pairs if new != old]
    assert changed
    assert all(unit in starts and month >= starts[unit] for unit, month in changed)


def test_the_files_are_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.glob("*.csv")) < ONE_MEGABYTE / 2


def test_six_sites_of_nine_icbs_and_33_to_compare_with() -> None:
    plan = design()
    assert plan.units == tuple(area.ods for area in areas("2025-04"))
    assert set(plan.units) == set(DAILY_READY)
    assert (plan.site >= 0).sum() == 9
    assert (plan.site < 0).sum() == 33
    assert (plan.months[0], plan.months[-1], len(plan.months)) == ("2023-04", "2026-09", 42)


def test_the_study_names_the_announced_sites_with_staggered_starts() -> None:
    study = load_study(SAMPLE / "study.toml")
    assert [(site.name, site.units) for site in study.sites] == [
        (site.name, site.units) for site in PILOT_SITES
    ]
    first = study.calendar.parse("2026-01")
    assert [site.starts - first for site in study.sites] == [0, 2, 0, 3, 1, 2]
    assert tuple(outcome.key for outcome in study.outcomes) == KEYS


def test_the_study_says_plainly_that_it_is_synthetic() -> None:
    study = load_study(SAMPLE / "study.toml")
    assert "Synthetic data" in study.notice
    assert "no conclusion" in study.notice
    assert study.contact is not None
    assert study.events
    assert study.exclude


def test_the_overall_effect_is_exactly_what_was_asked_for() -> None:
    plan = design()
    drawn = simulate(plan, seed=3, effects={"delayed_discharges": 7.5})
    for series in SERIES:
        truth = true_effects(drawn[series.key], plan)["overall"]
        wanted = 7.5 if series.key == "delayed_discharges" else series.effect
        assert isinstance(truth, dict)
        assert truth["per_cent"] == pytest.approx(wanted, abs=ROUNDING)


def test_no_effect_is_no_effect_in_any_cell() -> None:
    drawn = simulate(design(), effects=dict.fromkeys(KEYS, 0.0))
    for one in drawn.values():
        np.testing.assert_allclose(one.expected, one.untreated, rtol=ROUNDING)


def test_the_course_adds_up_to_twenty_nurses_a_site_and_never_takes_one_away() -> None:
    plan = design()
    one = simulate(plan)[PRESCRIBERS]
    added = one.expected - one.untreated
    at_the_end = [added[plan.site == s, -1].sum() for s in range(6)]
    assert at_the_end == pytest.approx([18, 20, 17, 19, 20, 16])
    assert (np.diff(added, axis=1) >= -ROUNDING).all()
    assert not added[plan.since < 0].any()


def test_some_comparison_icbs_have_counts_that_must_not_be_shown() -> None:
    pilot = {unit for site in PILOT_SITES for unit in site.units}
    counts = [
        int(row["nurses"]) for row in rows(SAMPLE / "prescribers.csv") if row["icb"] not in pilot
    ]
    small = sum(1 <= count <= 7 for count in counts) / len(counts)
    assert 0.2 < small < 0.8


def test_the_blemishes_are_there_and_no_others() -> None:
    returned = {(row["icb"], row["month"]) for row in rows(SAMPLE / "avoidable_admissions.csv")}
    plan = design()
    missing = {(u, m) for u in plan.units for m in plan.months} - returned
    assert missing == {("QSL", "2024-02"), ("QSL", "2024-03")}
    marked = [row for row in rows(SAMPLE / "delayed_discharges.csv") if "-" in row.values()]
    assert len(marked) == 6
    for key in KEYS[2:]:
        assert len(rows(SAMPLE / f"{key}.csv")) == 42 * 42
        assert not [row for row in rows(SAMPLE / f"{key}.csv") if "-" in row.values()]


def test_no_share_is_over_one() -> None:
    for row in rows(SAMPLE / "delayed_discharges.csv"):
        if row["patient_days_ready"] != "-":
            assert int(row["patient_days_delayed"]) <= int(row["patient_days_ready"])


def test_the_true_effects_are_written_for_every_outcome_and_site() -> None:
    truth = json.loads((SAMPLE / "true_effects.json").read_text(encoding="utf-8"))
    assert truth["seed"] == SEED
    assert set(truth["outcomes"]) == set(KEYS)
    for outcome in truth["outcomes"].values():
        assert set(outcome["sites"]) == {site.name for site in PILOT_SITES}
        percents = [site["per_cent"] for site in outcome["sites"].values()]
        assert min(percents) <= outcome["overall"]["per_cent"] <= max(percents)
