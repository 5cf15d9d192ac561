"""Released: made by release() alone, whole, and without what must not leave."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import polars as pl
import pytest

from evaluation.disclosure import Released, release
from evaluation.disclosure.audit import AUDIT
from evaluation.errors import DisclosureError
from evaluation.findings import Check
from evaluation.results.result import Result


@pytest.fixture(scope="module")
def released(example_result: Result) -> Released:
    """Return the invented run after disclosure control."""
    return release(example_result)


def _with_rule(result: Result, below: int, nearest: int) -> Result:
    settings = result.study.release.model_copy(
        update={"suppress_below": below, "round_to": nearest}
    )
    study = result.study.model_copy(update={"release": settings})
    return dataclasses.replace(result, study=study)


def _with_checks(result: Result, *checks: Check) -> Result:
    return dataclasses.replace(result, checks=checks)


def test_nobody_else_can_make_a_released(released: Released) -> None:
    values = {f.name: getattr(released, f.name) for f in dataclasses.fields(released)}
    with pytest.raises(DisclosureError, match=r"release\(\)"):
        Released(**values)
    with pytest.raises(DisclosureError, match="without disclosure control"):
        Released(**values, seal=object())


def test_a_released_cannot_be_changed_into_another(
    released: Released, example_result: Result
) -> None:
    with pytest.raises(DisclosureError):
        dataclasses.replace(released, estimates=example_result.estimates)


def test_every_outcome_has_its_lines_glance_and_counts(
    released: Released, example_result: Result
) -> None:
    keys = tuple(outcome.key for outcome in example_result.study.outcomes)
    assert released.outcome_keys == keys
    sites = [site.name for site in example_result.study.sites]
    for key in keys:
        lines = [(t.group, t.site) for t in released.trends if t.outcome == key]
        assert lines == [("pilot", ""), *(("site", site) for site in sites), ("comparison", "")]
        counted = released.counts.filter(pl.col("outcome") == key)
        assert counted.height == 2 * len(lines)
        assert released.glance(key).n_units == 42
        assert released.glance(key).n_comparison_sites == 33
    with pytest.raises(KeyError):
        released.glance("no such outcome")


def test_estimates_are_found_as_in_the_result(released: Released, example_result: Result) -> None:
    for estimand, group in (("overall", ""), ("site", "South Yorkshire")):
        ours = released.primary("avoidable_admissions", estimand, group)
        theirs = example_result.primary("avoidable_admissions", estimand, group)
        assert ours is not None
        assert theirs is not None
        assert ours.effect.value == theirs.effect.value
    assert released.primary("avoidable_admissions", "site", "Atlantis") is None
    assert released.trend("avoidable_admissions", "pilot") is not None
    assert released.trend("avoidable_admissions", "site", "Atlantis") is None


def test_effects_and_intervals_all_stand(released: Released, example_result: Result) -> None:
    pairs = [
        *zip(released.estimates, example_result.estimates, strict=True),
        *zip(released.event_study, example_result.event_study, strict=True),
    ]
    for ours, theirs in pairs:
        assert ours.effect.value == theirs.effect.value
        assert ours.interval == theirs.interval


def test_pilot_trend_is_the_pooled_rate_at_four_figures(
    released: Released, example_result: Result
) -> None:
    rows = example_result.panel.filter(
        pl.col("outcome_key") == "avoidable_admissions", pl.col("first_treated").is_not_null()
    )
    pooled = rows.group_by("period", maintain_order=True).agg(
        1000 * pl.col("count").sum() / pl.col("exposure").sum()
    )
    trend = released.trend("avoidable_admissions", "pilot")
    assert trend is not None
    expected = {period: float(f"{rate:.4g}") for period, rate in pooled.iter_rows()}
    assert dict(zip(trend.periods, trend.values, strict=True)) == expected


def test_gaps_in_a_series_are_kept_and_are_not_called_suppressed(example_result: Result) -> None:
    gap = example_result.panel["period"].min()
    assert isinstance(gap, int)
    hole = (pl.col("site") == "South Yorkshire") & (pl.col("period") == gap + 3)
    cut = dataclasses.replace(example_result, panel=example_result.panel.filter(~hole))
    trend = release(cut).trend("avoidable_admissions", "site", "South Yorkshire")
    assert trend is not None
    assert trend.periods == tuple(range(gap, gap + 33))
    assert trend.values[3] is None
    assert not trend.suppressed[3]


def test_a_study_on_open_data_can_switch_control_off(example_result: Result) -> None:
    released = release(_with_rule(example_result, 0, 1))
    assert not released.controlled
    assert released.audit.is_empty()
    assert not any(any(trend.suppressed) for trend in released.trends)
    rows = example_result.panel.filter(
        pl.col("outcome_key") == "qualified_prescribers", pl.col("site") == "South Yorkshire"
    )
    after = rows.filter(pl.col("period") >= pl.col("first_treated"))["count"].sum()
    line = released.counts.filter(
        pl.col("outcome") == "qualified_prescribers",
        pl.col("site") == "South Yorkshire",
        pl.col("phase") == "after",
    )
    assert line["count"].item() == str(int(after))


def test_the_audit_lists_every_suppressed_figure(released: Released) -> None:
    cells = released.counts.select(pl.col("count", "exposure") == "[c]").sum().row(0)
    points = sum(sum(trend.suppressed) for trend in released.trends)
    values = sum(
        check.table["value"].eq("[c]").sum()
        for check in released.checks
        if "value" in check.table.columns
    )
    hidden = released.audit.filter(action="suppressed")
    assert hidden.height == sum(cells) + points + values
    assert released.audit.schema == AUDIT
    assert sum(glance.hidden for glance in released.glances) == hidden.height
    assert set(hidden["kind"]) == {"primary", "secondary"}
    primary = {"small_count", "small_denominator", "small_remainder", "small_mean"}
    assert set(hidden.filter(kind="primary")["rule"]) <= primary
    assert not set(hidden.filter(kind="secondary")["rule"]) & primary


def test_the_audit_says_how_many_figures_are_rounded(released: Released) -> None:
    rounded = released.audit.filter(action="rounded")
    assert set(rounded["kind"]) == {""}
    shown = ~pl.col("count", "exposure").is_in(["[c]", "[z]"])
    in_counts = sum(released.counts.select(shown.sum()).row(0))
    assert rounded.filter(pl.col("where").str.starts_with("counts"))["figures"].sum() == in_counts
    drawn = sum(value is not None for trend in released.trends for value in trend.values)
    assert rounded.filter(pl.col("where").str.starts_with("trend"))["figures"].sum() == drawn


def test_the_level_goes_where_it_would_give_a_small_count_back(example_result: Result) -> None:
    few = pl.col("outcome_key") == "qualified_prescribers"
    few &= (pl.col("site") == "South Yorkshire") & (pl.col("period") >= pl.col("first_treated"))
    one_a_quarter = pl.when(pl.col("period") % 3 == 0).then(1.0).otherwise(0.0)
    panel = example_result.panel.with_columns(
        pl.when(few).then(one_a_quarter).otherwise(pl.col("count")).alias("count")
    )
    released = release(dataclasses.replace(example_result, panel=panel))
    key = "qualified_prescribers"
    line = released.counts.filter(outcome=key, site="South Yorkshire", phase="after")
    assert line["count"].item() == "[c]"
    hidden = released.primary(key, "site", "South Yorkshire")
    assert hidden is not None
    assert hidden.effect.observed is None
    assert any("too few" in caveat for caveat in hidden.effect.caveats)
    # South Yorkshire could be had from the total and the others: one more site is hidden with it.
    after = released.counts.filter(outcome=key, group="site", phase="after")
    assert after["count"].eq("[c]").sum() == 2
    overall = released.primary(key)
    assert overall is not None
    assert overall.effect.observed is not None


def test_small_counts_in_check_tables_and_what_they_say_are_hidden(
    example_result: Result,
) -> None:
    problem = "South Yorkshire, May 2025: 5, a count above what it is part of (5)"
    check = Check(
        name="impossible_values",
        title="Impossible values",
        passed=False,
        detail=f"One value cannot be right, for example {problem}, in 5 files.",
        outcome="gp_appointments",
        table=pl.DataFrame(
            {
                "file": ["/srv/nurses/gp.csv", "gp.csv", "gp.csv", "gp.csv", "gp.csv"],
                "row": [5, 6, 7, 8, 9],
                "value": ["5", "0", "12", "-34%", None],
                "problem": [problem, "none", "twelve", "a fall", "nothing"],
            }
        ),
    )
    released = release(_with_checks(example_result, check))
    (shown,) = released.checks
    assert shown.table["value"].to_list() == ["[c]", "0", "10", "-34%", None]
    assert shown.table["row"].to_list() == [5, 6, 7, 8, 9]
    assert shown.table["file"].to_list() == ["gp.csv"] * 5
    assert shown.table["problem"][0].endswith(": [c], a count above what it is part of ([c])")
    assert "(5)" not in shown.detail
    assert "in 5 files" in shown.detail
    assert "check impossible_values" in " ".join(released.audit["where"])


def test_a_rate_of_one_unit_in_one_period_goes_with_its_small_count(
    example_result: Result,
) -> None:
    key = "avoidable_admissions"
    cell = (pl.col("outcome_key") == key) & (pl.col("unit") == "QF7")
    cell &= pl.col("period") == pl.col("period").min()
    panel = example_result.panel.with_columns(
        pl.when(cell).then(3.0).otherwise(pl.col("count")).alias("count")
    )
    table = pl.DataFrame({"unit": ["QF7"], "period": ["2024-01"], "value": [0.75]})
    check = Check(name="odd", title="Odd values", passed=None, detail="", outcome=key, table=table)
    result = _with_checks(dataclasses.replace(example_result, panel=panel), check)
    assert release(result).checks[0].table["value"].to_list() == ["[c]"]


@pytest.mark.parametrize("name", ["before_the_start", "days_not_reported"])
def test_a_check_that_counts_periods_keeps_its_values(example_result: Result, name: str) -> None:
    table = pl.DataFrame({"unit": ["QF7"], "value": ["3"], "problem": ["3 periods before"]})
    check = Check(name=name, title="Enough before", passed=False, detail="", table=table)
    shown = release(_with_checks(example_result, check)).checks[0].table
    assert shown["value"].to_list() == ["3"]


def test_no_absolute_path_leaves(example_result: Result) -> None:
    text = 'files = ["/srv/nurses/a.csv"]\n'
    study = example_result.study.model_copy(
        update={"text": text, "path": Path("/srv/nurses/study.toml")}
    )
    first = example_result.manifest.inputs[0]
    manifest = dataclasses.replace(
        example_result.manifest,
        study_path="/srv/nurses/study.toml",
        study_text=text,
        inputs=(dataclasses.replace(first, path="/srv/nurses/a.csv"),),
    )
    ledger = example_result.ledger.with_columns(file=pl.lit("/srv/nurses/a.csv"))
    released = release(
        dataclasses.replace(example_result, study=study, manifest=manifest, ledger=ledger)
    )
    everything = [
        released.study.text,
        str(released.study.path),
        str(released.manifest.to_json()),
        *released.ledger["file"].unique(),
    ]
    assert not [part for part in everything if "srv" in part]
    assert released.manifest.inputs[0].sha256 == first.sha256
