"""How each estimator and procedure is made for a study.

Imported when they are made: whoever only asks for titles and rules, such as a report that is
rendered again, should not wait for the numerical libraries.
"""

from __future__ import annotations

from functools import partial

from evaluation.findings import Estimator, Procedure
from evaluation.study import Analysis

__all__ = [
    "FEWEST_FOR_BAND",
    "callaway_santanna",
    "cr1",
    "cr2",
    "cr3",
    "event_study",
    "event_study_by_library",
    "ferman_pinto",
    "imputation",
    "imputation_by_cell",
    "placebo",
    "poisson",
    "poisson_by_part",
    "randomisation",
    "randomisation_gls",
    "simultaneous",
    "synthetic_control",
    "synthetic_did",
    "twfe",
    "twfe_by_part",
    "wild",
]

# A standard error from so many placebos is itself known to 2%; each of them is a refit.
_ENOUGH_PLACEBOS = 999
# Below this many pilot sites the band does not hold: the table says what happens.
FEWEST_FOR_BAND = 12


def poisson(_: Analysis) -> Estimator:
    """Make Poisson regression."""
    from evaluation import estimators

    return estimators.poisson


def poisson_by_part(_: Analysis) -> Estimator:
    """Make Poisson regression with every effect that it has."""
    from evaluation import estimators

    return partial(estimators.poisson, by_part=True)


def twfe(_: Analysis) -> Estimator:
    """Make two-way fixed effects."""
    from evaluation import estimators

    return estimators.twfe


def twfe_by_part(_: Analysis) -> Estimator:
    """Make two-way fixed effects with every effect that they have."""
    from evaluation import estimators

    return partial(estimators.twfe, by_part=True)


def event_study(analysis: Analysis) -> Estimator:
    """Make the event study by our own kernel."""
    return _event_study(analysis, by_library=False)


def event_study_by_library(analysis: Analysis) -> Estimator:
    """Make the event study by linearmodels."""
    return _event_study(analysis, by_library=True)


def _event_study(analysis: Analysis, *, by_library: bool) -> Estimator:
    from evaluation import estimators

    return partial(
        estimators.event_study,
        bin_ends=analysis.event_window,
        with_averages=True,
        by_library=by_library,
    )


def callaway_santanna(analysis: Analysis) -> Estimator:
    """Make group-time effects."""
    from evaluation import estimators

    return estimators.callaway_santanna(control_group=analysis.control_group)


def imputation(_: Analysis) -> Estimator:
    """Make imputation."""
    from evaluation import estimators

    return estimators.imputation


def imputation_by_cell(_: Analysis) -> Estimator:
    """Make imputation with every effect that it has."""
    from evaluation import estimators

    return partial(estimators.imputation, by_cell=True)


def synthetic_did(_: Analysis) -> Estimator:
    """Make synthetic difference-in-differences."""
    from evaluation import estimators

    return estimators.synthetic_did()


def synthetic_control(_: Analysis) -> Estimator:
    """Make synthetic control."""
    from evaluation import estimators

    return estimators.synthetic_did(weights="synthetic_control")


def cr1(analysis: Analysis) -> Procedure:
    """Make CR1."""
    from evaluation.inference import cluster_robust

    return cluster_robust.cr1(level=analysis.level)


def cr2(analysis: Analysis) -> Procedure:
    """Make CR2."""
    from evaluation.inference import cluster_robust

    return cluster_robust.cr2(level=analysis.level)


def cr3(analysis: Analysis) -> Procedure:
    """Make the jackknife."""
    from evaluation.inference import jackknife

    return jackknife.cr3(level=analysis.level)


def wild(analysis: Analysis) -> Procedure:
    """Make the wild bootstrap."""
    from evaluation.inference import wild_bootstrap

    return wild_bootstrap.wild(level=analysis.level, draws=analysis.draws)


def randomisation(analysis: Analysis) -> Procedure:
    """Make randomisation inference."""
    from evaluation.inference import randomisation as module

    return module.randomisation(level=analysis.level, draws=analysis.draws)


def randomisation_gls(analysis: Analysis) -> Procedure:
    """Make randomisation inference weighed by the noise."""
    from evaluation.inference import randomisation_gls as module

    return module.randomisation_gls(level=analysis.level, draws=analysis.draws)


def ferman_pinto(analysis: Analysis) -> Procedure:
    """Make Ferman and Pinto's bootstrap."""
    from evaluation.inference import ferman_pinto as module

    return module.ferman_pinto(level=analysis.level, draws=analysis.draws)


def placebo(analysis: Analysis) -> Procedure:
    """Make the placebo variance."""
    from evaluation.inference import placebo as module

    draws = min(analysis.draws, _ENOUGH_PLACEBOS)
    return module.placebo(level=analysis.level, draws=draws)


def simultaneous(analysis: Analysis) -> Procedure:
    """Make the band over all event times."""
    from evaluation.inference import simultaneous as module

    return module.simultaneous(
        level=analysis.level, draws=analysis.draws, fewest_pilot_sites=FEWEST_FOR_BAND
    )
