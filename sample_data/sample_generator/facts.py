"""What the sample is made from: measured constants with their sources, and what is invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = [
    "ADMISSIONS_A_YEAR",
    "AVOIDABLE",
    "COMMON_PERSISTENCE",
    "DAILY_READY",
    "KEYS",
    "LEAVING_A_MONTH",
    "LEFT_A_DAY",
    "LOADING_SPREAD",
    "NOISE_BY_SIZE",
    "PRESCRIBERS",
    "QUALIFIED",
    "RAMP",
    "READY_NOISE",
    "RESIDENTS",
    "SEASON_ADMISSIONS",
    "SEASON_DELAYED",
    "SEASON_GP",
    "SEASON_READY",
    "SEASON_STAY",
    "SEED",
    "SERIES",
    "SITE_DEVIATION",
    "USUAL_PRESCRIBERS",
    "Measure",
    "Series",
]

# The pilot's budget in pounds, and the default seed of every study file. Fixed before any series
# was drawn, so no result was chosen by it.
SEED = 461000

# ------------------------------------------------------------------------------ measured constants

# Size of each ICB: mean daily number of patients who no longer meet the criteria to reside, April
# 2022 to August 2025. Source: NHS England, Acute discharge situation report, monthly CSVs (Open
# Government Licence v3). Contains public sector information licensed under that licence.
# fmt: off
DAILY_READY = {
    "QE1": 602, "QF7": 809, "QGH": 236, "QH8": 324, "QHG": 361, "QHL": 335, "QHM": 1163,
    "QJ2": 458, "QJG": 344, "QJK": 571, "QJM": 240, "QK1": 442, "QKK": 601, "QKS": 672,
    "QM7": 395, "QMF": 539, "QMJ": 528, "QMM": 451, "QNC": 276, "QNQ": 313, "QNX": 805,
    "QOC": 218, "QOP": 1225, "QOQ": 741, "QOX": 499, "QPM": 285, "QR1": 218, "QRL": 989,
    "QRV": 673, "QSL": 309, "QT1": 568, "QT6": 198, "QU9": 499, "QUA": 524, "QUE": 345,
    "QUY": 604, "QVV": 439, "QWE": 470, "QWO": 1163, "QWU": 439, "QXU": 363, "QYG": 1511,
}
# Seasons, January to December, as log deviations. The first three are measured in the same
# report's monthly means (37 ICBs without reporting breaks, linear trend taken off); no public
# monthly series exists for the other two, which are invented: winter illness, holiday months.
SEASON_READY = (.042, .050, .032, -.014, -.021, -.032, -.030, -.031, -.009, -.003, .026, -.010)
SEASON_DELAYED = (.040, .026, .008, -.007, -.015, -.021, -.010, -.003, -.003, -.002, -.013, .000)
SEASON_STAY = (.087, .054, .014, -.010, -.029, -.041, -.024, -.005, -.008, -.005, -.031, -.002)
SEASON_ADMISSIONS = (.10, .05, .03, .01, -.02, -.05, -.05, -.06, -.03, .00, .03, .09)
SEASON_GP = (.04, .00, .03, -.03, -.01, .01, .02, -.06, .02, .06, .02, -.10)
# fmt: on

# Residents aged 65 or over in England, emergency admissions per resident and year, and the part of
# them for avoidable conditions. Source: Improvement Analytics Unit, Emergency admissions to
# hospital from care homes: how often and what for? (2019; figures of 2016/17).
RESIDENTS = 274_000
ADMISSIONS_A_YEAR = 0.70
AVOIDABLE = 0.41
# Patients who left for each patient and day in hospital though ready to leave: the same report.
LEFT_A_DAY = 0.434
# Noise of the number ready to leave: this leaves the measured 0.087 about area and month means.
READY_NOISE = 0.10
# An ICB twice as large has series less noisy by this power of two (measured: -0.29 to -0.55).
NOISE_BY_SIZE = -0.4
# How differently ICBs take the same national winter; the real spread is larger but not
# separable from their own trends.
LOADING_SPREAD = 0.5
COMMON_PERSISTENCE = 0.8

# ---------------------------------------------------------------------------------- invented facts

# Qualified nurse prescribers of an average ICB before the pilot.
USUAL_PRESCRIBERS = 7.0
# Nurses who finished the course, site by site (up to 20 may join), and the part of them who
# prescribe from the start, a month later, and from then on.
QUALIFIED = (18, 20, 17, 19, 20, 16)
RAMP = (0.5, 0.75, 1.0)
LEAVING_A_MONTH = 0.02
# Sites differ: each has this much more or less than the overall effect (of itself, so that an
# effect of 0 is 0 at every site).
SITE_DEVIATION = (-0.25, 0.10, 0.0, 0.35, -0.15, -0.05)


Measure = Literal["rate", "share", "mean", "count"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """How one outcome is drawn; spreads and sizes are standard deviations on the log scale.

    Parameters
    ----------
    key, measure, per
        As the outcome in ``study.toml``.
    columns : tuple of str
        Of its file, after ``icb`` and ``month``: exposure (or weight), then count or value.
    additive : bool
        Whether national changes add the same to every ICB (what least squares assumes) or
        multiply by the same (what Poisson regression assumes).
    level, spread, trend : float
        Mean outcome per unit of exposure; its spread over ICBs; its yearly relative change.
    season : tuple of 12 floats
        January to December.
    winter, common : float
        Size of the shock of one winter (December to February) and of other national changes.
    noise, persistence : float
        Size and month-to-month correlation of an ICB's own changes.
    effect : float
        Overall effect in per cent.
    """

    key: str
    measure: Measure
    columns: tuple[str, str]
    level: float
    spread: float
    season: tuple[float, ...]
    winter: float
    common: float
    noise: float
    persistence: float
    effect: float
    trend: float = 0.0
    additive: bool = False
    per: float = 1.0


SERIES = (
    Series(
        key="avoidable_admissions",
        measure="rate",
        columns=("residents", "admissions"),
        per=1000.0,
        level=ADMISSIONS_A_YEAR * AVOIDABLE / 12,
        spread=0.12,
        season=SEASON_ADMISSIONS,
        winter=0.05,
        common=0.03,
        noise=0.05,
        persistence=0.6,
        effect=-8.0,
    ),
    # Level, spread, trend, common changes and noise as measured in the situation report.
    Series(
        key="delayed_discharges",
        measure="share",
        columns=("patient_days_ready", "patient_days_delayed"),
        additive=True,
        level=0.55,
        spread=0.17,
        trend=-0.034,
        season=SEASON_DELAYED,
        winter=0.015,
        common=0.03,
        noise=0.079,
        persistence=0.75,
        effect=-1.5,
    ),
    # Delayed patient-days for each patient who left: their mean wait (Little's law); measured too.
    Series(
        key="los_after_ready",
        measure="mean",
        columns=("discharges", "mean_days"),
        additive=True,
        level=1.39,
        spread=0.38,
        trend=-0.079,
        season=SEASON_STAY,
        winter=0.03,
        common=0.067,
        noise=0.155,
        persistence=0.75,
        effect=-2.0,
    ),
    # Invented: about one contact a resident every two weeks (weekly rounds and visits).
    Series(
        key="gp_appointments",
        measure="rate",
        columns=("residents", "appointments"),
        per=1000.0,
        level=2.0,
        spread=0.20,
        trend=0.02,
        season=SEASON_GP,
        winter=0.02,
        common=0.03,
        noise=0.06,
        persistence=0.7,
        effect=-3.0,
    ),
)
PRESCRIBERS = "prescribers"
KEYS = (*(series.key for series in SERIES), PRESCRIBERS)
