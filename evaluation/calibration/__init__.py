"""How often each method of a study would cry wolf, on the study's own comparison data.

Before the pilot nothing happened, and in the comparison units nothing happened at all. So random
groups of comparison units are taken for a pilot of the real one's shape, at random dates before the
real start, and every planned method is asked for the effect of nothing.
"""

from evaluation.calibration.cry_wolf import MOST_DRAWS, Calibration, CryWolf, calibrate
from evaluation.calibration.placebo import PlaceboDesign, design, placebo

__all__ = [
    "MOST_DRAWS",
    "Calibration",
    "CryWolf",
    "PlaceboDesign",
    "calibrate",
    "design",
    "placebo",
]
