"""The experiments, in order, and their figures by process, method and question."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from evaluation.simulation import (
    PILOT,
    PROCESSES,
    Analyst,
    Experiment,
    Measured,
    Process,
    Rate,
    Shape,
    Sites,
    measure,
)
from known_truth.analysts import POWERS, Controls, OneSite, Sandwiches, Together, shifted

__all__ = [
    "ALL",
    "BESIDE",
    "CONTROLS",
    "DRAWING",
    "MIXED",
    "SEED",
    "Figures",
    "Plan",
    "Runner",
    "Tell",
    "run",
    "run_beside",
]

SEED = 461000
ALL = tuple(PROCESSES)
# Whose effects differ by site: there "these sites" and "sites like these" are two questions.
MIXED = tuple(key for key, process in PROCESSES.items() if process.site_effects > 0)
# Who is asked for power and coverage.
DRAWING = ("wild", "randomisation", "randomisation_gls")
# Where a negative control is asked for.
CONTROLS = {"AR .8": ("hc1",), "shared in site": ("cr1 by ICB", "wild by ICB")}

# The nine real pilot boards, then the others: mean daily patients who no longer meet the criteria
# to reside (Acute discharge situation report, April 2022 to August 2025).
# fmt: off
_REAL_SIZES = (
    361., 1511., 1225., 602., 439., 442., 568., 458., 809.,
    236., 324., 335., 1163., 344., 571., 240., 601., 672., 395., 539., 528., 451., 276., 313., 805.,
    218., 741., 499., 285., 218., 989., 673., 309., 198., 499., 524., 345., 604., 470., 1163., 439.,
    363.,
)
# fmt: on
_REAL = dataclasses.replace(PILOT, sizes=_REAL_SIZES)
_APART = dataclasses.replace(
    PILOT, region_of_site=(3, 1, 2, 4, 5, 0), comparison_in_region=(3, 0, 10, 5, 4, 4, 7)
)
# Beside the fourteen: what was asked once they were seen. Name to process, shape and words.
BESIDE: dict[str, tuple[str, Shape, str]] = {
    "regional, sites apart": (
        "regional",
        _APART,
        "As regional, but every pilot site lies in a region of its own.",
    ),
    "heteroskedastic, real sizes": (
        "heteroskedastic",
        _REAL,
        "The real pilot boards have their real sizes: the site of three is half of the pilot.",
    ),
    "share, real sizes": ("share", _REAL, "The same for the share."),
}

Tell = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How much is done.

    Parameters
    ----------
    repetitions : int
        Panels of each experiment.
    draws : int
        Of the wild bootstrap and of randomisation, for each panel.
    jobs : int
        Processes; no figure depends on it.
    """

    repetitions: int
    draws: int
    jobs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Every figure of one process.

    Parameters
    ----------
    size : dict of str to Measured
        Method to what it did where the sites' own effects average 0.
    like_these : dict of str to Measured
        The same where the average is 0 over all sites like these.
    power : dict of (str, float) to Measured
        Method and effect.
    coverage : dict of str to Rate
        Method to coverage at an effect of 10%.
    alone_size, alone_power : dict of str to Measured
        One site alone: without an effect, and with one of 10%.
    controls : dict of str to Measured
        Negative controls, without an effect.
    """

    size: dict[str, Measured]
    like_these: dict[str, Measured]
    power: dict[tuple[str, float], Measured]
    coverage: dict[str, Rate]
    alone_size: dict[str, Measured] = field(default_factory=dict)
    alone_power: dict[str, Measured] = field(default_factory=dict)
    controls: dict[str, Measured] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Runner:
    """Asks analysts about one process.

    Parameters
    ----------
    plan : Plan
    process : Process
    tell : Tell
        Told what is measured next.
    """

    plan: Plan
    process: Process
    tell: Tell

    def ask(
        self, analyst: Analyst, *, effect: float = 0.0, sites: Sites = "these", shape: Shape = PILOT
    ) -> dict[str, Measured]:
        """Measure one experiment."""
        self.tell(f"{self.process.key}: {type(analyst).__name__}, {effect:.0%}, {sites}")
        return measure(
            Experiment(
                process=self.process,
                shape=shape,
                analyst=analyst,
                seed=SEED,
                effect=effect,
                sites=sites,
            ),
            self.plan.repetitions,
            jobs=self.plan.jobs,
        )


def run(key: str, plan: Plan, tell: Tell) -> Figures:
    """Measure everything that the table says of one process."""
    process = PROCESSES[key]
    runner = Runner(plan=plan, process=process, tell=tell)
    together, one = Together(draws=plan.draws), OneSite(draws=plan.draws)
    size = runner.ask(Sandwiches(draws=plan.draws))
    like = runner.ask(Sandwiches(draws=plan.draws), sites="like these") if key in MIXED else size
    power = dict(_power(runner, like, together))
    if process.family == "normal":
        coverage = {name: _kept(found) for name, found in size.items()}
    else:
        at_ten = (
            runner.ask(together, effect=0.1)
            if key in MIXED
            else {name: power[name, 0.1] for name in DRAWING}
        )
        coverage = {name: m.covered for name, m in at_ten.items() if m.covered is not None}
    alone = runner.ask(one, shape=PILOT.one_site())
    controls = runner.ask(Controls(draws=plan.draws)) if key in CONTROLS else {}
    return Figures(
        size=size,
        like_these=like,
        power=power,
        coverage=coverage,
        alone_size=alone,
        alone_power=_alone_power(runner, alone, one),
        controls={name: controls[name] for name in CONTROLS.get(key, ())},
    )


def run_beside(name: str, plan: Plan, tell: Tell) -> dict[str, Measured]:
    """Measure how often nothing is called an effect in one of BESIDE."""
    key, shape, _ = BESIDE[name]
    runner = Runner(plan=plan, process=PROCESSES[key], tell=tell)
    return runner.ask(Sandwiches(draws=plan.draws), shape=shape)


def _power(
    runner: Runner, without: dict[str, Measured], analyst: Analyst
) -> Iterator[tuple[tuple[str, float], Measured]]:
    for effect in POWERS:
        if runner.process.family == "normal":
            found = {name: without[shifted(name, effect)] for name in DRAWING}
        else:
            found = runner.ask(analyst, effect=effect, sites="like these")
        for name, measured in found.items():
            yield (name, effect), measured


def _alone_power(
    runner: Runner, without: dict[str, Measured], analyst: Analyst
) -> dict[str, Measured]:
    if runner.process.family != "normal":
        return runner.ask(analyst, effect=0.1, shape=PILOT.one_site())
    moved = shifted("", 0.1)
    return {
        name.removesuffix(moved): measured
        for name, measured in without.items()
        if name.endswith(moved)
    }


def _kept(found: Measured) -> Rate:
    """Return how often the truth was not rejected."""
    return Rate(count=found.rejected.trials - found.rejected.count, trials=found.rejected.trials)
