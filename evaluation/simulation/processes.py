"""The fourteen processes that inference is held to, and what each is in words.

Where the scales come from. In the public discharge reports (Acute discharge situation report, 37
Integrated Care Boards without breaks, April 2022 to August 2025, Open Government Licence v3.0) the
monthly deviations of a board from its own and the month's mean have a standard deviation of 0.087
(number ready to leave), 0.079 (share delayed) and 0.155 (days after being ready) of their level, as
measured for the sample study, with a correlation of 0.75 to 0.79 from month to month. The common
noise here is the first of these, 0.087. Where the outcome is the share itself, the noise is set so
that estimates vary as they do on the real series. The two processes of counts with lasting noise,
and the one whose effects differ, were scaled so that power with an effect of 5% is of the size that
earlier work on such a pilot saw (one third to two thirds): a power near 0 or 1 would tell methods
apart badly. Power was looked at for this, size never: nothing was chosen by how often a method
rejects when nothing happens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PROCESSES", "Process"]

Family = Literal["normal", "poisson", "binomial"]

# As the measured series: an ICB twice as large has a noise lower by this power of two.
_NOISE_BY_SIZE = -0.4


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One way in which a panel without an effect comes about.

    Standard deviations are shares of the outcome's level.

    Parameters
    ----------
    key : str
        Its name in tables.
    words : str
        What it is, in a sentence.
    why : str
        Where its parameters come from.
    family : {"normal", "poisson", "binomial"}
        A mean with normal noise, a rate of counts, or a share of counts.
    noise : float
        Standard deviation of a unit's own changes; for counts that of the gamma-distributed rate
        (0: Poisson), beside the variance of counting.
    persistence : float
        Correlation of these changes from month to month.
    sized : bool
        Whether units have the sizes of the 42 boards, dealt out at random, and weigh by them; else
        all are alike.
    noise_by_size : float
        Power of size (relative to the geometric mean) in the noise.
    pilot_size : float
        Size of pilot units beside that of the same unit as a comparison.
    events : float
        Counted events (or people, for a share) of a mean unit in a month.
    winter : float
        Standard deviation of each winter's shock (December to February), and its mean.
    loading : float
        Standard deviation over units of how hard a winter hits them, around 1.
    in_site, in_region : float
        Shares of the noise's variance that units of a site and of a region have in common.
    site_effects : float
        Standard deviation of the sites' own effects around the average.
    level : float
        Mean outcome; for rates it is ``events``.
    """

    key: str
    words: str
    why: str
    family: Family = "normal"
    noise: float = 0.087
    persistence: float = 0.0
    sized: bool = False
    noise_by_size: float = 0.0
    pilot_size: float = 1.0
    events: float = 0.0
    winter: float = 0.0
    loading: float = 0.0
    in_site: float = 0.0
    in_region: float = 0.0
    site_effects: float = 0.0
    level: float = 100.0

    @property
    def measure(self) -> Literal["mean", "rate", "share"]:
        """The measure of the outcome, as a panel has it."""
        measures: dict[Family, Literal["mean", "rate", "share"]] = {
            "normal": "mean",
            "poisson": "rate",
            "binomial": "share",
        }
        return measures[self.family]


_AR5 = "The common noise, with a correlation of 0.5."
_COUNTS = (
    "156 events a month are the avoidable admissions of a mean board's care home residents "
    "(274,000 residents, 0.70 admissions a year, 41% avoidable; Improvement Analytics Unit 2019)"
)

_ALL: tuple[Process, ...] = (
    Process(
        key="iid",
        words="Independent noise, the same in every unit and month.",
        why="The common noise, without correlation.",
    ),
    Process(
        key="AR .5",
        words="Noise that lasts: a correlation of 0.5 from month to month.",
        why=_AR5,
        persistence=0.5,
    ),
    Process(
        key="AR .8",
        words="Noise that lasts long: a correlation of 0.8 from month to month.",
        why="The common noise; a correlation just above the measured 0.75 to 0.79.",
        persistence=0.8,
    ),
    Process(
        key="winter",
        words="Winters that differ from year to year and hit some units harder than others.",
        why=f"{_AR5} Winters as large as the measured season (0.05 to 0.10), hitting units with a "
        "spread of 0.5, as in the sample study.",
        persistence=0.5,
        winter=0.10,
        loading=0.5,
    ),
    Process(
        key="heteroskedastic",
        words="Large units have less noise, and more weight.",
        why=f"{_AR5} The measured sizes; noise falls with size to the power of -0.4, measured as "
        "-0.29 to -0.55.",
        persistence=0.5,
        sized=True,
        noise_by_size=_NOISE_BY_SIZE,
    ),
    Process(
        key="Poisson",
        words="Counts that vary as counts do, and no more.",
        why=f"{_COUNTS}; the measured sizes.",
        family="poisson",
        noise=0.0,
        events=156.0,
        sized=True,
    ),
    Process(
        key="negative binomial",
        words="Counts that vary more than counts do, with a correlation of 0.5 in their rates.",
        why=f"{_COUNTS}; noise of 0.077 in the rates beside 0.080 of counting, scaled by power.",
        family="poisson",
        noise=0.077,
        persistence=0.5,
        events=156.0,
    ),
    Process(
        key="large pilots",
        words="Pilot units are twice as large as others: less noise, more weight.",
        why=f"{_AR5} The real pilot boards are 1.4 times as large as the others; 2 is the harder "
        "case.",
        persistence=0.5,
        sized=True,
        noise_by_size=_NOISE_BY_SIZE,
        pilot_size=2.0,
    ),
    Process(
        key="small pilots",
        words="Pilot units are half as large as others: more noise, less weight.",
        why=f"{_AR5} The mirror image of large pilots.",
        persistence=0.5,
        sized=True,
        noise_by_size=_NOISE_BY_SIZE,
        pilot_size=0.5,
    ),
    Process(
        key="heterogeneous effects",
        words="Sites have effects of their own around the average.",
        why=f"{_AR5} Sites' own effects have a standard deviation of 4.5 points, scaled by power: "
        "at an average of 5% one site in seven moves the other way.",
        persistence=0.5,
        site_effects=0.045,
    ),
    Process(
        key="shared in site",
        words="Units of one site share half of the variance of their noise.",
        why=f"{_AR5} A half is what makes boards of one site worth 6 rather than 9.",
        persistence=0.5,
        in_site=0.5,
    ),
    Process(
        key="regional",
        words="Units of one region share three tenths of the variance of their noise.",
        why=f"{_AR5} Regions and pilot sites lie as they do in NHS England: one region holds three "
        "pilot sites, another nothing but one pilot site.",
        persistence=0.5,
        in_region=0.3,
    ),
    Process(
        key="all together",
        words="Counts with lasting noise, winters, unequal sizes, shocks shared in sites and "
        "regions, and effects that differ by site.",
        why=f"{_COUNTS}; the parts as above, each smaller: noise of 0.077 in the rates, a fifth "
        "of it shared in sites and a tenth in regions, winters of 0.05, sites' own effects of 2 "
        "points.",
        family="poisson",
        noise=0.077,
        persistence=0.5,
        events=156.0,
        sized=True,
        winter=0.05,
        loading=0.5,
        in_site=0.2,
        in_region=0.1,
        site_effects=0.02,
    ),
    Process(
        key="share",
        words="A share of people, with lasting noise in each unit's share.",
        why="Level 0.55, correlation 0.75 and sizes of the measured share of delayed discharges; "
        "of as many people as are ready to leave on a day (542 in a mean board). Noise of 0.105: "
        "2,000 placebo pilots of this shape on the real shares (23 months before, 18 after) have a "
        "standard deviation of 3.4% of the level, this process has 3.1% with 36 months before.",
        family="binomial",
        noise=0.105,
        persistence=0.75,
        events=542.0,
        sized=True,
        level=0.55,
    ),
)

PROCESSES: dict[str, Process] = {process.key: process for process in _ALL}
