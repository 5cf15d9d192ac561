"""The one table of estimators and procedures, and of which may be combined."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from evaluation.findings import Estimator, Procedure
from evaluation.methods import makers
from evaluation.panel import MEASURES, Measure
from evaluation.study import Analysis

__all__ = ["ESTIMATORS", "PROCEDURES", "EstimatorEntry", "ProcedureEntry"]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatorEntry:
    """One estimator: how it is made for a study, and what it may be used with.

    Parameters
    ----------
    title : str
        Name in reports.
    make : Callable[[Analysis], Estimator]
        The estimator under the study's settings, for the overall effect of a panel: what is asked
        of one site alone, and of panels that are drawn by the thousand.
    measures : tuple of Measure
        Outcomes it is defined for.
    procedures : tuple of str
        Procedures that hold for it, by algebra or by refit.
    compares : str
        What it compares with what, and how it weighs: why it may differ from the others. Ends the
        sentence "It ...".
    held_to : str
        What an effect by event time is measured against, as a sentence.
    reference : int or None
        The event time that all others are measured against: 0 by construction, and no estimate.
        None where there is none, so that -1 is an estimate like the others, if it is there.
    tests_trends : bool
        Whether its effects before the start, if it has any, test that trends were parallel.
    by_event_time : bool
        Whether it is there for its leads and lags, and no study's primary estimator.
    make_whole : Callable[[Analysis], Estimator] or None
        The same with effects by start, calendar period and time since the start; None where
        ``make`` has them.
    """

    title: str
    make: Callable[[Analysis], Estimator]
    measures: tuple[Measure, ...]
    procedures: tuple[str, ...]
    compares: str
    held_to: str
    reference: int | None = None
    tests_trends: bool = False
    by_event_time: bool = False
    make_whole: Callable[[Analysis], Estimator] | None = None

    def whole(self, analysis: Analysis) -> Estimator:
        """Return the estimator with every effect that it has."""
        return (self.make_whole or self.make)(analysis)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcedureEntry:
    """One procedure: how it is made, and how many pilot sites it needs to hold its size.

    Parameters
    ----------
    title : str
        Name in reports.
    make : Callable[[Analysis], Procedure]
        The procedure under the study's settings.
    fewest_pilot_sites : int
        Below this number of pilot sites the interval is left empty.
    why : str
        What happens below it (METHODS section 3), as a sentence.
    most_pilot_sites : int or None
        Above this number of pilot sites the interval is left empty; None for no such bound.
    why_not_more : str
        Why, as a sentence.
    by_event_time : bool
        Whether it answers for all effects by event time together, and for no other effect.
    """

    title: str
    make: Callable[[Analysis], Procedure]
    fewest_pilot_sites: int
    why: str
    most_pilot_sites: int | None = None
    why_not_more: str = ""
    by_event_time: bool = False

    def holds_for(self, n_sites: int) -> bool:
        """Whether the procedure holds its size with so many pilot sites."""
        most = n_sites if self.most_pilot_sites is None else self.most_pilot_sites
        return self.fewest_pilot_sites <= n_sites <= most


_ALGEBRA = ("cr1", "cr2", "cr3", "wild")
_REASSIGNED = ("randomisation", "randomisation_gls")
_FEWEST_FOR_SANDWICH = 4
_SANDWICH_FAILS = (
    "with one pilot site cluster-robust intervals call a true zero an effect in 72% of studies, "
    "with two in 30% and with three in 18 to 23%"
)
_WILD_FAILS = (
    "with one or two pilot sites the wild bootstrap finds hardly any effect, however large, and "
    "with three it calls a true zero an effect in under 1% of studies where 5% is asked"
)
_BAND_FAILS = (
    "with six pilot sites a band over all event times leaves a true zero out of some range in 10 "
    "to 17% of studies, with eight in 9% and with ten in 5 to 8%, where 5% is asked"
)

ESTIMATORS: dict[str, EstimatorEntry] = {
    "poisson": EstimatorEntry(
        title="Poisson regression with area and period effects",
        make=makers.poisson,
        make_whole=makers.poisson_by_part,
        measures=("rate", "count"),
        procedures=(*_ALGEBRA, *_REASSIGNED, "ferman_pinto"),
        compares="compares all periods before with all after, as a ratio of events; areas "
        "with more events weigh more",
        held_to="Each is held to all periods before the start together.",
    ),
    "twfe": EstimatorEntry(
        title="Two-way fixed effects regression",
        make=makers.twfe,
        make_whole=makers.twfe_by_part,
        measures=MEASURES,
        procedures=(*_ALGEBRA, *_REASSIGNED, "ferman_pinto"),
        compares="compares all periods before with all after, as a difference; when starts "
        "are staggered, areas that began earlier stand in as comparisons, some with "
        "a negative weight",
        held_to="Each is held to all periods before the start together.",
    ),
    "event_study": EstimatorEntry(
        title="Event study: leads and lags around the start",
        make=makers.event_study,
        make_whole=makers.event_study_by_library,
        measures=MEASURES,
        procedures=_ALGEBRA,
        compares="compares each period with the last one before the start",
        held_to="Each is held to the last period before the start.",
        reference=-1,
        tests_trends=True,
        by_event_time=True,
    ),
    "callaway_santanna": EstimatorEntry(
        title="Group-time effects (Callaway and Sant'Anna)",
        make=makers.callaway_santanna,
        measures=MEASURES,
        procedures=("cr1", "cr3", "randomisation", "simultaneous"),
        compares="compares each period after a start with the last one before it alone, and "
        "only with areas that had not begun; one unusual month before the start "
        "moves it",
        held_to="From the start on each is held to the last period before it; before the start, "
        "each to the period before itself.",
        tests_trends=True,
    ),
    "imputation": EstimatorEntry(
        title="Imputation of what the pilot areas would have had",
        make=makers.imputation,
        make_whole=makers.imputation_by_cell,
        measures=MEASURES,
        procedures=("cr1", "cr3", *_REASSIGNED),
        compares="compares what happened with what all periods before the start lead one to "
        "expect, and only with areas that had not begun",
        held_to="Each is held to what all periods before the start lead one to expect.",
    ),
    "synthetic_did": EstimatorEntry(
        title="Synthetic difference-in-differences",
        make=makers.synthetic_did,
        measures=MEASURES,
        procedures=("placebo", "cr3", "randomisation"),
        compares="compares with a weighted few areas whose path before the start was "
        "parallel, over a weighted few periods before it",
        held_to="Each is held to a weighted few periods before the start, and to areas that were "
        "chosen to make the difference before it small.",
    ),
    "synthetic_control": EstimatorEntry(
        title="Synthetic control",
        make=makers.synthetic_control,
        measures=MEASURES,
        procedures=("placebo",),
        compares="compares with a weighted few areas whose level before the start was the same",
        held_to="Each is held to areas that were chosen to make the difference before the start "
        "small, and to no period.",
    ),
}

PROCEDURES: dict[str, ProcedureEntry] = {
    "cr2": ProcedureEntry(
        title="Cluster-robust by site, small-sample corrected (CR2, Satterthwaite)",
        make=makers.cr2,
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_SANDWICH_FAILS,
    ),
    "cr3": ProcedureEntry(
        title="Leave-one-site-out jackknife (CR3)",
        make=makers.cr3,
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_SANDWICH_FAILS,
    ),
    "wild": ProcedureEntry(
        title="Wild bootstrap by site (WCR-S)",
        make=makers.wild,
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_WILD_FAILS,
    ),
    "randomisation": ProcedureEntry(
        title="Randomisation: the starts dealt out anew among all sites",
        make=makers.randomisation,
        fewest_pilot_sites=1,
        why="it needs a pilot site",
    ),
    "randomisation_gls": ProcedureEntry(
        title="Randomisation weighed by the noise of sites and periods",
        make=makers.randomisation_gls,
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why="with fewer than four pilot sites their own noise cannot be judged",
    ),
    "ferman_pinto": ProcedureEntry(
        title="Bootstrap for one to three pilot sites, noise by size (Ferman and Pinto)",
        make=makers.ferman_pinto,
        fewest_pilot_sites=1,
        why="it needs a pilot site",
        most_pilot_sites=_FEWEST_FOR_SANDWICH - 1,
        why_not_more="it takes the noise of pilot sites from that of comparison sites, and from "
        "four pilot sites on their own noise can be judged",
    ),
    "placebo": ProcedureEntry(
        title="Placebos in space: the same starts given to comparison sites",
        make=makers.placebo,
        fewest_pilot_sites=1,
        why="it needs a pilot site",
    ),
    "simultaneous": ProcedureEntry(
        title="Band over all event times together, by multipliers of sites",
        make=makers.simultaneous,
        fewest_pilot_sites=makers.FEWEST_FOR_BAND,
        why=_BAND_FAILS,
        by_event_time=True,
    ),
    "cr1": ProcedureEntry(
        title="Cluster-robust by site (CR1), to compare with other software only",
        make=makers.cr1,
        fewest_pilot_sites=_FEWEST_FOR_SANDWICH,
        why=_SANDWICH_FAILS,
    ),
}
