"""What was tried for more power: tests by reassignment with other statistics, on the same draws.

All but ``randomisation`` and ``randomisation_gls`` live here and nowhere else. Each is a statistic
of the same reassignments, so that each is exact where sites are exchangeable; what they are asked
is what becomes of their size where sites are not, and what they gain.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from evaluation.inference.engine import Reduced, distinct_paths
from evaluation.inference.gls_tests import gls_test
from evaluation.inference.reassigned import Sums, sums_of_reduced
from evaluation.inference.reassignment import Reassignments
from evaluation.inference.reassignment_tests import (
    Statistics,
    deal,
    least_squares,
    poisson_at,
    share_as_far,
)
from evaluation.inference.site_tables import SiteTables
from evaluation.inference.working_noise import WorkingNoise
from evaluation.simulation import Answer, Drawn
from known_truth.analysts import shifted, site_tables_of, wild_of

__all__ = ["COURSES", "EFFECTS", "IN_COURSE", "TRIED", "OfCourses", "Tried", "over"]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]

EFFECTS = (0.04, 0.05)
# Method to what it is; the first three are the package's.
TRIED = {
    "wild": "wild",
    "randomisation": "randomisation",
    "randomisation_gls": "randomisation_gls",
    "CR1": "t of CR1",
    "by size": "estimate over the error that size and noise lead to expect",
    "half": "half of the jackknife's variance, half of the expected one",
    "precision": "sites weighed by precision, months alike",
    "at once": "generalised least squares for an effect that is there at once",
    "adjusted": "adjusted for what comparison sites' earlier months foretell",
    "quarters": "months pooled to quarters",
}
IN_COURSE = ("wild", "randomisation", "randomisation_gls", "at once")
# How the effect comes about: its share in the k-th month of the pilot, from 0.
COURSES: dict[str, Callable[[IntArray], FloatArray]] = {
    "at once": lambda k: np.ones(k.shape),
    "builds up over 6 months": lambda k: np.clip((k + 1) / 6, 0, 1),
    "builds up over 12 months": lambda k: np.clip((k + 1) / 12, 0, 1),
    "begins 3 months late": lambda k: (k >= 3).astype(np.float64),
    "fades by half in 8 months": lambda k: 0.5 ** (k / 8),
}
_OF_COURSES = 0.06
_QUARTER = 3
_WINTER = (8, 9, 10)
_RECENT = 6


def over(name: str, course: str) -> str:
    """Return the name of a method's answer about an effect that takes its course."""
    return f"{name}, {course}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """Every candidate about no effect; for means also about effects of EFFECTS moved in."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask all of them, on the same reassignments."""
        tests = _tests(drawn, tuple(TRIED), self.draws, stream)
        moved = EFFECTS if drawn.measure == "mean" and drawn.truth == 0 else ()
        found = {}
        for name, p in tests(0.0).items():
            found[name] = Answer(value=0.0, p=p)
        for effect in moved:
            for name, p in tests(-effect * drawn.level).items():
                found[shifted(name, effect)] = Answer(value=0.0, p=p)
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class OfCourses:
    """Some of them about an effect of 6% in its last months, in each of COURSES; not for rates."""

    draws: int

    def __call__(self, drawn: Drawn, stream: Generator) -> Mapping[str, Answer]:
        """Ask them on the same noise and the same reassignments."""
        start = np.argmax(drawn.shape.treated > 0, axis=1)
        month = np.arange(drawn.shape.n_periods) - start[:, None]
        seed = int(stream.integers(2**31))
        found = {}
        for course, share in COURSES.items():
            effect = _OF_COURSES * drawn.level * share(month) * drawn.shape.treated
            moved = dataclasses.replace(drawn, outcome=drawn.outcome + effect)
            tests = _tests(moved, IN_COURSE, self.draws, np.random.default_rng(seed))
            for name, p in tests(0.0).items():
                found[over(name, course)] = Answer(value=0.0, p=p)
        return found


def _tests(
    drawn: Drawn, names: tuple[str, ...], draws: int, stream: Generator
) -> Callable[[float], dict[str, float]]:
    wild = wild_of(drawn, draws, stream)
    tables = site_tables_of(drawn)
    dealt = deal(tables, draws=draws, random=stream)
    statistics = None if tables.family == "poisson" else least_squares(tables, dealt)

    def at(null: float) -> dict[str, float]:
        view = _view(tables, dealt, null)
        plain = poisson_at(tables, dealt, null) if statistics is None else statistics
        found = {"wild": wild(null), "randomisation": _p_at(plain, tables, null)}
        return found | {name: _BY_NAME[name](view) for name in names if name in _BY_NAME}

    return at


def _p_at(statistics: Statistics, tables: SiteTables, null: float) -> float:
    return statistics.p(0.0 if tables.family == "poisson" else null)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """What the candidates look at under a tested value; S sites, T periods, K paths."""

    tables: SiteTables
    dealt: Reassignments
    null: float
    residual: FloatArray
    weights: FloatArray
    noise: WorkingNoise
    paths: FloatArray

    @property
    def centring(self) -> FloatArray:
        """The plain weights of months, a site's own level taken out; shape (T, T)."""
        by_period = np.ones(self.residual.shape[1])
        if self.tables.family == "poisson":
            by_period = self.tables.outcome.sum(axis=0) / self.tables.outcome.sum(axis=0).mean()
        return _without_level(by_period)

    def reduced(self, months: FloatArray, weights: FloatArray) -> Reduced:
        """Return Z, q and weights under other weights of months, (T, T), and sites, (S,)."""
        across = months @ self.paths.T
        z = self.residual @ across
        return Reduced(
            weights=weights,
            z=z - weights @ z / weights.sum(),
            q=self.paths @ across,
            assigned=np.zeros((z.shape[0], self.paths.shape[0])),
            site=np.arange(z.shape[0]),
        )


_Ask = Callable[[_View], float]


def _view(tables: SiteTables, dealt: Reassignments, null: float) -> _View:
    test = gls_test(tables, dealt)
    residual, size = test.left(null)
    return _View(
        tables=tables,
        dealt=dealt,
        null=null,
        residual=residual,
        weights=size,
        noise=test.noise(null),
        paths=distinct_paths(tables.treatment)[0],
    )


def _without_level(weights: FloatArray) -> FloatArray:
    return np.asarray(np.diag(weights) - np.outer(weights, weights) / weights.sum())


def _gls(view: _View) -> float:
    return gls_test(view.tables, view.dealt).p(view.null)


def _scaled(sums: Sums) -> float:
    return share_as_far(sums.coefficient() ** 2, sums.variance(), sums.freedom)


def _weighed(months: Callable[[_View], FloatArray], weights: Callable[[_View], FloatArray]) -> _Ask:
    def ask(view: _View) -> float:
        reduced = view.reduced(months(view), weights(view))
        return _scaled(sums_of_reduced(reduced, view.dealt, with_actual=False))

    return ask


def _quarters(view: _View) -> FloatArray:
    """Return the plain weights of quarters; months of a quarter count as their mean."""
    periods = view.residual.shape[1]
    mean = np.kron(np.eye(periods // _QUARTER), np.full((1, _QUARTER), 1 / _QUARTER))
    by_quarter = _without_level(np.full(periods // _QUARTER, float(_QUARTER)))
    return np.asarray(mean.T @ by_quarter @ mean)


def _parts(reduced: Reduced, dealt: Reassignments) -> tuple[FloatArray, FloatArray]:
    """Return each site's part of numerator and information, (B, S), written out plainly."""
    rows = np.arange(len(dealt.chosen))[:, None]
    path = np.zeros((len(dealt.chosen), *reduced.z.shape))
    path[rows, dealt.chosen, dealt.path] = 1.0
    centred = path - np.einsum("s,bsk->bk", reduced.weights, path)[:, None] / reduced.weights.sum()
    raw = reduced.weights * (centred * reduced.z).sum(axis=2)
    leverage = reduced.weights * ((centred @ reduced.q) * centred).sum(axis=2)
    return raw, leverage


def _cr1(view: _View) -> float:
    raw, leverage = _parts(view.reduced(view.centring, view.weights), view.dealt)
    product, information = raw.sum(axis=1), leverage.sum(axis=1)
    score = raw - (product / information)[:, None] * leverage
    return share_as_far(product**2, (score**2).sum(axis=1))


def _expected(view: _View, share: float) -> float:
    """Judge by the variance that the noise model expects, or in part by the jackknife's."""
    reduced = view.reduced(view.centring, view.weights)
    sums = sums_of_reduced(reduced, view.dealt, with_actual=False)
    leverage = _parts(reduced, view.dealt)[1]
    by_model = (leverage * view.weights / view.noise.weights).sum(axis=1) / sums.information**2
    own = sums.variance()
    by_model *= own.mean() / by_model.mean()
    return share_as_far(sums.coefficient() ** 2, share * by_model + (1 - share) * own)


def _adjusted(view: _View) -> float:
    """Judge what is left after a regression of comparison sites on their own earlier months.

    Earlier months are those before anyone starts: the last six, and the winters, each less the mean
    of all. The regression is fitted to the sites not chosen, for every assignment anew.
    """
    reduced = view.reduced(view.centring, view.weights)
    weights, z, chosen = reduced.weights, reduced.z, view.dealt.chosen
    first = int(np.argmax(view.paths.max(axis=0) > 0))
    before = view.residual[:, :first]
    winter = np.isin(np.arange(first) % 12, _WINTER)
    signs = np.stack([before[:, -_RECENT:].mean(axis=1), before[:, winter].mean(axis=1)], axis=1)
    signs = np.column_stack([np.ones(len(signs)), signs - before.mean(axis=1, keepdims=True)])
    others = np.tile(weights, (len(chosen), 1))
    np.put_along_axis(others, chosen, 0.0, axis=1)
    normal = np.einsum("bs,sp,sr->bpr", others, signs, signs)
    slopes = np.linalg.solve(normal, np.einsum("bs,sp,sk->bpk", others, signs, z))
    fitted = np.einsum("sp,bpk->bsk", signs, slopes)
    fitted -= np.einsum("s,bsk->bk", weights, fitted)[:, None] / weights.sum()
    rows = np.arange(len(chosen))[:, None]
    path = np.zeros((len(chosen), *z.shape))
    path[rows, chosen, view.dealt.path] = 1.0
    centred = path - np.einsum("s,bsk->bk", weights, path)[:, None] / weights.sum()
    raw = weights * (centred * (z - fitted)).sum(axis=2)
    leverage = weights * ((centred @ reduced.q) * centred).sum(axis=2)
    return _by_jackknife(raw, leverage, weights)


def _by_jackknife(raw: FloatArray, leverage: FloatArray, weights: FloatArray) -> float:
    product, information = raw.sum(axis=1), leverage.sum(axis=1)
    left = 1 - weights / weights.sum() - leverage / information[:, None]
    move = (raw - (product / information)[:, None] * leverage) / left
    larger = leverage / left
    freedom = larger.sum(axis=1) ** 2 / (larger**2).sum(axis=1)
    return share_as_far(product**2, (move**2).sum(axis=1), freedom)


_BY_NAME: dict[str, _Ask] = {
    "randomisation_gls": _gls,
    "CR1": _cr1,
    "by size": lambda view: _expected(view, 1.0),
    "half": lambda view: _expected(view, 0.5),
    "precision": _weighed(lambda view: view.centring, lambda view: view.noise.weights),
    "at once": _weighed(lambda view: view.noise.precision, lambda view: view.weights),
    "adjusted": _adjusted,
    "quarters": _weighed(_quarters, lambda view: view.weights),
}
