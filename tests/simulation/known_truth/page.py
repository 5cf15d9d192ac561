"""The measured table as a page: docs/calibration.md."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Iterable, Mapping
from importlib.metadata import version

from evaluation.simulation import PROCESSES, Measured, Rate
from known_truth.asked import ERRORS, misses
from known_truth.table import ALL, BESIDE, CONTROLS, DRAWING, MIXED, SEED, Figures, Plan
from known_truth.tables import table
from known_truth.tried_page import tried_section
from known_truth.tried_table import TriedFigures

__all__ = ["COMMAND", "fingerprint", "page"]

COMMAND = "just calibrate"
_NAMES = {
    "wild": "wild",
    "randomisation": "randomisation",
    "randomisation_gls": "randomisation_gls",
    "ferman_pinto": "Ferman-Pinto",
    "cr2": "CR2",
    "cr3": "CR3",
    "cr1": "CR1",
}
_METHODS = (*DRAWING, "cr2", "cr3", "cr1")
_PACKAGES = ("numpy", "scipy", "polars")


def fingerprint() -> str:
    """Return a digest of every parameter of the processes: a page of other ones is out of date."""
    text = "\n".join(repr(process) for process in PROCESSES.values())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def page(
    figures: Mapping[str, Figures],
    beside: Mapping[str, Mapping[str, Measured]],
    tried: Mapping[str, TriedFigures],
    plan: Plan,
) -> str:
    """Return the page; nothing on it depends on when or where it was made."""
    parts = [
        _head(plan),
        "## All sites together: how often nothing is called an effect\n",
        _sizes(figures),
        _beside(beside),
        "## Sites' own effects average 0 over all sites like these\n",
        _like_these(figures),
        "## Coverage at an effect of 10%, and power\n",
        _powers(figures),
        "## One site alone\n",
        _alone(figures),
        "## What must fail, and does\n",
        _controls(figures),
        "## Bias\n",
        _bias(figures),
        "## What is asked, and what is missed\n",
        _asked(figures),
        "## What was tried for more power\n",
        tried_section(tried),
        "## The processes\n",
        _processes(),
    ]
    return "\n".join(parts)


def _head(plan: Plan) -> str:
    versions = ", ".join(f"{name} {version(name)}" for name in ("pilot-eval", *_PACKAGES))
    return f"""# How often the methods cry wolf where the truth is known

Made by `{COMMAND}`: {plan.repetitions:,} panels of each of {len(ALL)} processes, seed {SEED};
{plan.draws} draws of the wild bootstrap and reassignments for each panel. Python
{platform.python_version()}, {versions}. The processes' parameters have the fingerprint
`{fingerprint()}`; a test compares it with the code. How often the methods cry wolf on a study's own
data, where the truth is not known: `pilot-eval calibrate`.

Every panel has 42 units: nine in six pilot sites (of 1, 3, 1, 1, 2 and 1 units), and 33 comparison
units that are their own sites; 54 months, starts staggered by 0, 2, 0, 3, 1 and 2 months from month
37. Rates are estimated by Poisson regression, all else by two-way least squares, weighted by size
where units have sizes. Figures are per cent, with the Monte Carlo standard error in parentheses. A
95% interval should exclude the truth in 5%.
"""


def _rates(
    figures: Mapping[str, Figures],
    keys: Iterable[str],
    columns: Mapping[str, Callable[[Figures], Rate]],
) -> str:
    return table(
        ["process", *columns],
        [[key, *(rate(figures[key]).per_cent for rate in columns.values())] for key in keys],
    )


def _size_of(name: str) -> Callable[[Figures], Rate]:
    return lambda found: found.size[name].rejected


def _sizes(figures: Mapping[str, Figures]) -> str:
    columns = {_NAMES[name]: _size_of(name) for name in _METHODS}
    return (
        "By site. Where effects differ by site, they average exactly 0 over the sites that are "
        "there.\n\n" + _rates(figures, ALL, columns)
    )


def _beside(beside: Mapping[str, Mapping[str, Measured]]) -> str:
    return (
        "Beside the fourteen: the same where the pilot sites lie otherwise, or have the sizes of "
        "the real ones.\n\n"
        + table(
            ["process", "what it is", *(_NAMES[name] for name in _METHODS)],
            [
                [name, BESIDE[name][2], *(found[m].rejected.per_cent for m in _METHODS)]
                for name, found in beside.items()
            ],
        )
    )


def _like_these(figures: Mapping[str, Figures]) -> str:
    def of(name: str) -> Callable[[Figures], Rate]:
        return lambda found: found.like_these[name].rejected

    return (
        "The sites are a sample of all sites like them. In the other processes every site's effect "
        "is 0 and the two questions are one.\n\n"
        + _rates(figures, MIXED, {_NAMES[name]: of(name) for name in _METHODS})
    )


def _powers(figures: Mapping[str, Figures]) -> str:
    def covered(name: str) -> Callable[[Figures], Rate]:
        return lambda found: found.coverage[name]

    def power(name: str, effect: float) -> Callable[[Figures], Rate]:
        return lambda found: found.power[name, effect].rejected

    columns: dict[str, Callable[[Figures], Rate]] = {}
    for name in DRAWING:
        columns[f"coverage, {name}"] = covered(name)
    for effect in (0.05, 0.10):
        for name in DRAWING:
            columns[f"power at {effect:.0%}, {name}"] = power(name, effect)
    return (
        "Coverage is of the average effect on the sites that are there; power is against the "
        "average over sites like these. Means move with the effect, so their coverage is 100 less "
        "the size; counts and shares are drawn with the effect.\n\n" + _rates(figures, ALL, columns)
    )


def _alone(figures: Mapping[str, Figures]) -> str:
    methods = [name for name in figures[ALL[0]].alone_power if name != "cr1"]

    def size(name: str) -> Callable[[Figures], Rate]:
        return lambda found: found.alone_size[name].rejected

    def power(name: str) -> Callable[[Figures], Rate]:
        return lambda found: found.alone_power[name].rejected

    columns = {f"size, {_NAMES[name]}": size(name) for name in methods}
    columns |= {f"power at 10%, {_NAMES[name]}": power(name) for name in methods}
    columns["size, CR1 (must fail)"] = size("cr1")
    return (
        "One pilot unit that starts in month 37, beside the 33 comparison units. Randomisation's "
        "smallest p-value is 1/34, so that it can reject in 2.9% at most when nothing happens.\n\n"
        + _rates(figures, ALL, columns)
    )


def _controls(figures: Mapping[str, Figures]) -> str:
    titles = {
        "hc1": "HC1: every month of every unit is evidence of its own",
        "cr1 by ICB": "CR1 with units in place of sites",
        "wild by ICB": "wild with units in place of sites",
    }
    return table(
        ["process", "method", "rejects"],
        [
            [key, titles[name], figures[key].controls[name].rejected.per_cent]
            for key, names in CONTROLS.items()
            for name in names
        ],
    )


def _bias(figures: Mapping[str, Figures]) -> str:
    def in_per_cent(key: str, measured: Measured) -> list[str]:
        process = PROCESSES[key]
        scale = 100 / (1.0 if process.family == "poisson" else process.level)
        bias, spread = measured.bias, measured.spread
        return [f"{scale * bias.value:.2f} ({scale * bias.error:.2f})", f"{scale * spread:.2f}"]

    return (
        "Of the estimate without an effect, per cent of the level (rates: 100 times the log rate "
        "ratio).\n\n"
        + table(
            ["process", "bias", "standard deviation"],
            [[key, *in_per_cent(key, figures[key].size["wild"])] for key in ALL],
        )
    )


def _asked(figures: Mapping[str, Figures]) -> str:
    found = [f"- {key}: {miss}." for key in ALL for miss in misses(key, figures[key])]
    return (
        "Asked of `wild`, `randomisation` and `randomisation_gls`: size from 3.5 to 6.0% (at most "
        "5.5% in regional, all together and heterogeneous effects, where they may be "
        "conservative), at most 6.5% against "
        "the average over sites like these, coverage from 94 to 97% (with heterogeneous "
        "effects to 99%, and for `randomisation_gls` without a bound above). Of CR2: size at most "
        "5.5%. Of `wild`: power at 5% and 10% of at least 63 and "
        "99% (negative binomial), 47 and 96% (all together), 34 and 87% (heterogeneous effects), "
        "30 and 80% (share). Of one site alone: size from 3 to 7%, power at 10% of at least 44% "
        "(AR .5, negative binomial). Of what must fail: CR1 for one site above 60%, HC1 under AR "
        f".8 above 35%, units as clusters above 9%. A figure misses when it is outside by more "
        f"than {ERRORS:g} Monte Carlo errors.\n\n"
        + ("\n".join(found) if found else "No figure misses what is asked.")
        + "\n"
    )


def _processes() -> str:
    return table(
        ["process", "what it is", "where its parameters come from"],
        [[process.key, process.words, process.why] for process in PROCESSES.values()],
    )
