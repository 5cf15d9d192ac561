"""Callaway and Sant'Anna's group-time effects, pooled by start, calendar period and event time.

In four steps: the panel as tables of periods by units (``tables``), two periods compared under
covariates (``two_periods``), all group-time effects (``group_time``), their averages (``pooling``).
"""

from evaluation.estimators.callaway_santanna.estimator import callaway_santanna

__all__ = ["callaway_santanna"]
