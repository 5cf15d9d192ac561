"""What may be combined, and what is refused by name."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from evaluation import methods
from evaluation.errors import StudyError
from evaluation.findings import Effect, Estimand, Fit, LinearFit
from evaluation.panel import Measure
from evaluation.study import Analysis, Method, Outcome, Study, Time

_POISSON = Method(estimator="poisson", procedure="cr2")


def _study(
    *measures: Measure,
    primary: Method = _POISSON,
    estimators: tuple[str, ...] = ("poisson", "twfe", "event_study"),
    procedures: tuple[str, ...] = ("cr2",),
) -> Study:
    return Study(
        version=1,
        title="T",
        time=Time(frequency="month"),
        outcomes=tuple(
            Outcome(key=f"y{i}", label="Y", files=("y.csv",), measure=measure)
            for i, measure in enumerate(measures or ("rate",))
        ),
        analysis=Analysis(primary=primary, estimators=estimators, procedures=procedures),
        path=Path("study.toml"),
    )


def _fit(n_pilot_sites: int, estimator: str = "twfe") -> Fit:
    effect = Effect(estimand="overall", value=1.0, scale="level")
    return Fit(
        estimator=estimator,
        effects=(effect,),
        n_obs=9,
        n_units=9,
        n_sites=9,
        n_pilot_sites=n_pilot_sites,
    )


def _listed(*, overall_only: bool) -> str:
    entries = methods.ESTIMATORS.items()
    *rest, last = (f'"{k}"' for k, e in entries if not (overall_only and e.by_event_time))
    return f"{', '.join(rest)} or {last}"


def test_the_defaults_are_valid() -> None:
    methods.validate(_study())


@pytest.mark.parametrize(
    ("study", "message"),
    [
        (
            _study(estimators=("poisson", "twfee")),
            'study.toml, [analysis], estimators: "twfee" is not in this version of pilot-eval. '
            f'Allowed: {_listed(overall_only=False)}. Did you mean "twfe"?',
        ),
        (
            _study(procedures=("cr2", "wald")),
            'study.toml, [analysis], procedures: "wald" is not in this version of pilot-eval. '
            "Allowed: ",
        ),
        (
            _study(
                primary=Method(estimator="callaway_santanna", procedure="simultaneous"),
                estimators=("callaway_santanna",),
                procedures=("cr1", "simultaneous"),
            ),
            'study.toml, [analysis], primary.procedure: "simultaneous" is for effects by event '
            'time, not for one answer. Allowed: "cr1", "cr3" or "randomisation". Choose one',
        ),
        (
            _study(primary=Method(estimator="event_study", procedure="cr2")),
            'study.toml, [analysis], primary.estimator: "event_study" is there for its leads and '
            f"lags, not for one answer. Allowed: {_listed(overall_only=True)}. Keep it among",
        ),
    ],
)
def test_a_bad_choice_is_refused_with_what_to_write(study: Study, message: str) -> None:
    with pytest.raises(StudyError) as caught:
        methods.validate(study)
    assert str(caught.value).startswith(message)


def test_several_bad_choices_are_named_at_once() -> None:
    with pytest.raises(StudyError) as caught:
        methods.validate(_study(estimators=("nope",), procedures=("never",)))
    assert '"nope"' in str(caught.value)
    assert '"never"' in str(caught.value)


def test_an_outcome_without_an_estimator_is_refused() -> None:
    study = _study("mean", estimators=("poisson",))
    with pytest.raises(StudyError, match=r'measure "mean" has no estimator .* Allowed: "twfe"'):
        methods.validate(study)


def test_the_primary_estimator_gives_way_where_it_is_not_defined() -> None:
    study = _study("rate", "mean")
    rate, mean = (methods.plan(study, outcome) for outcome in study.outcomes)
    assert [(c.estimator, c.procedure) for c in rate if c.is_primary] == [("poisson", "cr2")]
    assert [(c.estimator, c.procedure) for c in mean if c.is_primary] == [("twfe", "cr2")]
    assert "poisson is not defined for a mean" in mean[0].caveat
    assert "poisson" not in {c.estimator for c in mean}


def test_every_pair_of_the_plan_is_planned_once() -> None:
    study = _study(procedures=("cr1", "cr2"))
    pairs = [(c.estimator, c.procedure) for c in methods.plan(study, study.outcomes[0])]
    assert len(pairs) == len(set(pairs)) == 6
    assert pairs[0] == ("poisson", "cr2")


@pytest.mark.parametrize("procedure", ["cr1", "cr2", "cr3"])
def test_no_sandwich_interval_below_four_pilot_sites(procedure: str) -> None:
    for n_pilot_sites in (1, 2, 3):
        refused = methods.refusal(procedure, _fit(n_pilot_sites), level=0.95)
        assert refused is not None
        assert (refused.low, refused.high, refused.p) == (None, None, None)
        assert "72%" in refused.caveats[0]
    assert methods.refusal(procedure, _fit(4), level=0.95) is None


def test_no_wild_interval_below_four_pilot_sites() -> None:
    for n_pilot_sites in (1, 2, 3):
        refused = methods.refusal("wild", _fit(n_pilot_sites), level=0.95)
        assert refused is not None
        assert (refused.low, refused.high, refused.p) == (None, None, None)
        assert "hardly any effect" in refused.caveats[0]
    assert methods.refusal("wild", _fit(4), level=0.95) is None


def test_every_estimator_of_today_has_the_four_algebraic_procedures() -> None:
    for key in ("twfe", "event_study", "poisson"):
        assert {"cr1", "cr2", "cr3", "wild"} <= set(methods.ESTIMATORS[key].procedures)


def test_every_entry_is_whole() -> None:
    for key, entry in methods.ESTIMATORS.items():
        assert entry.title, key
        assert entry.measures, key
        assert set(entry.procedures) <= set(methods.PROCEDURES), key
    for key, procedure in methods.PROCEDURES.items():
        assert procedure.title, key
        assert np.isfinite(procedure.fewest_pilot_sites), key


def test_ferman_pinto_is_for_one_to_three_pilot_sites() -> None:
    for n_pilot_sites in (1, 2, 3):
        assert methods.refusal("ferman_pinto", _fit(n_pilot_sites), level=0.95) is None
    refused = methods.refusal("ferman_pinto", _fit(4), level=0.95)
    assert refused is not None
    assert "No interval for 4 pilot sites: it takes the noise" in refused.caveats[0]
    others = "cr1 or cr2 or cr3 or wild or randomisation or randomisation_gls"
    assert f"Use {others}." in refused.caveats[0]


@pytest.mark.parametrize("procedure", ["cr2", "wild"])
def test_what_fails_for_one_site_names_what_holds_there(procedure: str) -> None:
    refused = methods.refusal(procedure, _fit(1), level=0.95)
    assert refused is not None
    assert refused.caveats[0].endswith("Use randomisation or ferman_pinto.")


def _part(estimator: str, estimand: Estimand = "cohort", *, equations: bool = True) -> Fit:
    """Return a fit that asks about one of its many effects."""
    one = np.ones((1, 1))
    linear = LinearFit(
        x=one,
        residual=np.zeros(1),
        weights=np.ones(1),
        cluster=np.zeros(1, dtype=np.int64),
        unit=np.zeros(1, dtype=np.int64),
        coef=np.ones(1),
        contrasts=one,
    )
    effect = Effect(estimand=estimand, group="5", value=1.0, scale="level")
    fit = dataclasses.replace(_fit(6, estimator), effects=(effect,))
    if equations:
        return dataclasses.replace(fit, linear=linear)
    return dataclasses.replace(fit, influence=np.ones((9, 1)))


@pytest.mark.parametrize(
    ("fit", "asked"),
    [
        (_part("twfe"), {"cr1", "cr2", "cr3"}),
        (_part("poisson", "event_time"), {"cr1", "cr2", "cr3"}),
        (_part("event_study", "event_time"), {"cr1", "cr2", "cr3", "wild"}),
        (_part("event_study"), {"cr1", "cr2", "cr3"}),
        (_part("imputation", equations=False), {"cr1"}),
        (_part("callaway_santanna", "group_time", equations=False), {"cr1"}),
    ],
)
def test_the_many_effects_are_asked_about_in_closed_form(fit: Fit, asked: set[str]) -> None:
    found = {key for key in methods.PROCEDURES if methods.is_asked(key, fit)}
    # Placebos are shared by all effects of a fit, and a band by all event times.
    band = {"simultaneous"} if fit.effect.estimand == "event_time" else set()
    assert found == asked | {"placebo"} | band


@pytest.mark.parametrize("estimand", ["overall", "site"])
def test_the_overall_effect_and_a_site_s_are_asked_about_by_every_procedure(
    estimand: Estimand,
) -> None:
    for key, entry in methods.PROCEDURES.items():
        fit = _part("imputation", estimand, equations=False)
        assert methods.is_asked(key, fit) is not entry.by_event_time


@pytest.mark.parametrize(("equations", "instead"), [(True, "cr2"), (False, "cr1")])
def test_an_effect_that_nobody_was_asked_about_says_what_to_add(
    equations: bool, instead: str
) -> None:
    found = methods.unasked("randomisation", _part("twfe", equations=equations), level=0.95)
    assert (found.low, found.high, found.p) == (None, None, None)
    assert found.caveats[0].endswith(f"Add {instead} to procedures for one in closed form")


def test_a_band_takes_nobody_s_place() -> None:
    study = _study(
        primary=Method(estimator="callaway_santanna", procedure="cr1"),
        estimators=("callaway_santanna",),
        procedures=("simultaneous", "cr1"),
    )
    planned = methods.plan(study, study.outcomes[0])
    assert [c.procedure for c in planned] == ["cr1", "simultaneous"]
    few = methods.primary_among(planned, _fit(2, "callaway_santanna"))
    assert few is not None
    assert few.procedure == "cr1"
