"""Exposures and doses that one outcome takes from another."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest

from evaluation.errors import StudyError
from evaluation.sources import Loaded, load
from evaluation.study import Study

Make = Callable[..., Study]
Fields = dict[str, object]

ADMISSIONS = "icb,month,admissions\nA,2024-02,1\nA,2024-03,2\nB,2024-02,3\nB,2024-03,4\n"
BEDS = "icb,month,beds,nurses\nA,2024-02,10,0\nA,2024-03,20,5\nB,2024-02,30,0\n"
BOTH = "icb,month,admissions,residents\nA,2024-02,1,10\nA,2024-03,2,20\nB,2024-02,3,30\n"
COUNT = {"unit": "icb", "period": "month", "count": "admissions"}
REASON = "no exposure: outcome 'beds' has no figure for the unit and period"


@pytest.fixture
def read_both(make_study: Make) -> Callable[..., Loaded]:
    """Return a function that loads admissions, whose exposure or dose is of the outcome beds."""

    def load_admissions(
        admissions: str, beds: str, outcome: Fields, lender: Fields | None = None
    ) -> Loaded:
        described: Fields = {"key": "admissions", "label": "Admissions", "files": ("a.csv",)}
        lent: Fields = {
            "key": "beds",
            "label": "Beds",
            "files": ("b.csv",),
            "measure": "count",
            "columns": {"unit": "icb", "period": "month", "count": "beds"},
            **(lender or {}),
        }
        study = make_study(
            {"a.csv": admissions, "b.csv": beds},
            None,
            {"outcomes": ({**described, **outcome}, lent)},
        )
        return load(study, study.outcomes[0])

    return load_admissions


def test_a_borrowed_exposure_gives_the_panel_that_a_column_gives(
    read_both: Callable[..., Loaded],
) -> None:
    own = {"columns": {**COUNT, "exposure": "residents"}, "per": 1000.0}
    expected = read_both(BOTH, BEDS, own)
    loaded = read_both(ADMISSIONS, BEDS, {"columns": COUNT, "exposure_from": "beds", "per": 1000.0})
    assert expected.panel is not None
    assert loaded.panel is not None
    assert loaded.panel.rows.select(sorted(loaded.panel.rows.columns)).equals(
        expected.panel.rows.select(sorted(expected.panel.rows.columns))
    )
    assert loaded.trace["left_out"].to_list() == [None, None, None, REASON]


def test_a_borrowed_dose_is_the_figure_of_the_other_outcome(
    read_both: Callable[..., Loaded],
) -> None:
    lender = {
        "measure": "rate",
        "per": 1000.0,
        "columns": {"unit": "icb", "period": "month", "count": "nurses", "exposure": "beds"},
    }
    outcome = {"columns": COUNT, "measure": "count", "dose_from": "beds"}
    loaded = read_both(ADMISSIONS, BEDS, outcome, lender)
    assert loaded.panel is not None
    assert loaded.panel.values("dose").tolist() == [0, 250, 0]
    assert loaded.trace["left_out"].to_list()[3] == REASON.replace("exposure", "dose")


def test_a_count_without_anybody_exposed_is_impossible(read_both: Callable[..., Loaded]) -> None:
    beds = "icb,month,beds\nA,2024-02,0\nA,2024-03,20\nB,2024-02,0\nB,2024-03,40\n"
    admissions = ADMISSIONS.replace("B,2024-02,3", "B,2024-02,0")
    loaded = read_both(admissions, beds, {"columns": COUNT, "exposure_from": "beds"})
    assert loaded.panel is None
    assert loaded.trace["left_out"].to_list() == ["impossible figure", None, "no exposure", None]


def test_a_share_of_a_borrowed_exposure_is_at_most_1(read_both: Callable[..., Loaded]) -> None:
    outcome = {"columns": COUNT, "exposure_from": "beds", "measure": "share"}
    beds = "icb,month,beds\nA,2024-02,1\nA,2024-03,1\nB,2024-02,3\nB,2024-03,40\n"
    loaded = read_both(ADMISSIONS, beds, outcome)
    assert loaded.trace["left_out"].to_list() == [None, "impossible figure", None, None]


def test_a_lender_that_cannot_be_read_lends_nothing(read_both: Callable[..., Loaded]) -> None:
    outcome = {"columns": COUNT, "exposure_from": "beds"}
    loaded = read_both(ADMISSIONS, BEDS.replace(",10,", ",many,"), outcome)
    assert loaded.trace["left_out"].unique().to_list() == [REASON]


def test_a_mean_is_no_exposure(read_both: Callable[..., Loaded]) -> None:
    lender = {
        "measure": "mean",
        "columns": {"unit": "icb", "period": "month", "value": "beds"},
    }
    with pytest.raises(StudyError, match="outcome 'beds' has no count, only a mean"):
        read_both(ADMISSIONS, BEDS, {"columns": COUNT, "exposure_from": "beds"}, lender)


def test_a_metric_with_an_exposure_of_its_own_takes_no_other(make_study: Make) -> None:
    sitrep = {
        "key": "admissions",
        "label": "Patients",
        "files": ("s.csv",),
        "source": "acute_discharge_sitrep",
        "metric": "nctr",
        "exposure_from": "beds",
    }
    beds = {
        "key": "beds",
        "label": "Beds",
        "files": ("b.csv",),
        "measure": "count",
        "columns": {"unit": "icb", "period": "month", "count": "beds"},
    }
    label = "Number of patients who no longer meet the criteria to reside"
    files = {
        "s.csv": f"Period,Level,Org Code,Metric,Value\n01/02/2024,ICB,A,{label},3\n",
        "b.csv": BEDS,
    }
    study = make_study(files, None, {"outcomes": (sitrep, beds)})
    with pytest.raises(StudyError, match="has an exposure of its own here"):
        load(study, study.outcomes[0])


def test_a_lender_that_was_read_is_not_read_again(make_study: Make) -> None:
    files = {"a.csv": ADMISSIONS, "b.csv": BEDS}
    described = {"key": "admissions", "label": "A", "files": ("a.csv",), "columns": COUNT}
    beds = {
        "key": "beds",
        "label": "Beds",
        "files": ("b.csv",),
        "measure": "count",
        "columns": {"unit": "icb", "period": "month", "count": "beds"},
    }
    outcomes = ({**described, "exposure_from": "beds"}, beds)
    study = make_study(files, None, {"outcomes": outcomes})
    done = {"beds": load(study, study.outcomes[1])}
    (study.folder / "b.csv").unlink()
    loaded = load(study, study.outcomes[0], done)
    assert loaded.trace["left_out"].null_count() == 3
    assert loaded.trace.filter(pl.col("left_out").is_null())["row"].to_list() == [2, 3, 4]
