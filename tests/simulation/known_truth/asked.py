"""What METHODS section 6 asks of each figure, and whether a figure may be said to miss it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evaluation.simulation import Rate
from known_truth.table import DRAWING, Figures

__all__ = ["Asked", "asked_of", "misses"]

# A figure misses what is asked when it does so by more than this many Monte Carlo errors.
ERRORS = 2.0
_HETEROGENEOUS = "heterogeneous effects"
# Where a procedure may be conservative.
_LOOSE = ("regional", "all together", _HETEROGENEOUS)
# Where one site alone is asked for its power: the plain noise of a mean and of a count.
_ALONE = ("AR .5", "negative binomial")
_POWER = {
    ("negative binomial", 0.05): 0.63,
    ("negative binomial", 0.10): 0.99,
    ("all together", 0.05): 0.47,
    ("all together", 0.10): 0.96,
    ("heterogeneous effects", 0.05): 0.34,
    ("heterogeneous effects", 0.10): 0.87,
    ("share", 0.05): 0.30,
    ("share", 0.10): 0.80,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One figure with the range it is asked to lie in; ends are None where there is none."""

    name: str
    rate: Rate
    least: float | None = None
    most: float | None = None

    @property
    def missed(self) -> bool:
        """Whether it lies outside by more than its Monte Carlo error can explain."""
        room = ERRORS * self.rate.error
        below = self.least is not None and self.rate.value < self.least - room
        above = self.most is not None and self.rate.value > self.most + room
        return below or above

    def __str__(self) -> str:
        """Say what was found and what is asked."""
        least = "" if self.least is None else f"at least {100 * self.least:g}%"
        most = "" if self.most is None else f"at most {100 * self.most:g}%"
        wanted = " and ".join(end for end in (least, most) if end)
        return f"{self.name}: {self.rate.per_cent}%, asked {wanted}"


def asked_of(key: str, figures: Figures) -> Iterator[Asked]:
    """Yield every figure of a process that something is asked of."""
    for name in DRAWING:
        low, high = (None, 0.055) if key in _LOOSE else (0.035, 0.060)
        yield Asked(name=f"size of {name}", rate=figures.size[name].rejected, least=low, most=high)
        yield Asked(
            name=f"size of {name}, sites like these",
            rate=figures.like_these[name].rejected,
            most=0.065,
        )
        yield Asked(
            name=f"coverage of {name}",
            rate=figures.coverage[name],
            least=0.94,
            most=_most_coverage(key, name),
        )
    yield Asked(name="size of cr2", rate=figures.size["cr2"].rejected, most=0.055)
    for effect in (0.05, 0.10):
        if (key, effect) in _POWER:
            yield Asked(
                name=f"power of wild at {effect:.0%}",
                rate=figures.power["wild", effect].rejected,
                least=_POWER[key, effect],
            )
    yield from _alone(key, figures)


def _most_coverage(key: str, name: str) -> float | None:
    if key != _HETEROGENEOUS:
        return 0.97
    # METHODS section 6 asks this of the first two; of what is offered beside them, not to miss more
    # than it promises where sites' own effects widen every interval.
    return None if name == "randomisation_gls" else 0.99


def _alone(key: str, figures: Figures) -> Iterator[Asked]:
    for name, found in figures.alone_size.items():
        if name != "cr1" and " at " not in name:
            yield Asked(
                name=f"one site, size of {name}", rate=found.rejected, least=0.03, most=0.07
            )
    for name, found in figures.alone_power.items():
        if name != "cr1" and key in _ALONE:
            yield Asked(name=f"one site, power of {name}", rate=found.rejected, least=0.44)
    yield from _controls(key, figures)


def _controls(key: str, figures: Figures) -> Iterator[Asked]:
    yield Asked(name="cr1 for one site", rate=figures.alone_size["cr1"].rejected, least=0.60)
    for name, found in figures.controls.items():
        least = 0.35 if name == "hc1" else 0.09
        yield Asked(name=f"{name} under {key}", rate=found.rejected, least=least)


def misses(key: str, figures: Figures) -> list[str]:
    """Return what a process misses, in words."""
    return [str(one) for one in asked_of(key, figures) if one.missed]
