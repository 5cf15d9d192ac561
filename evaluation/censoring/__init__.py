"""Counts that are known only to lie between two ends: suppressed ones, and rounded ones.

A panel with ``count_low`` and ``count_high`` holds such counts. :func:`at_midpoint` puts each at
its expectation given that it lies there; :data:`ENDS` put all of them at an end, so that what
they could do to an estimate is seen.
"""

from evaluation.censoring.ends import ENDS, End, at_end, how_many
from evaluation.censoring.midpoint import at_midpoint, expected_between

__all__ = ["ENDS", "End", "at_end", "at_midpoint", "expected_between", "how_many"]
