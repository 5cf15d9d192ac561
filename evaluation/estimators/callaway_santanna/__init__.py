"""Callaway and Sant'Anna's group-time effects, pooled by start, calendar period and event time.

In four steps: the panel as tables of periods by units (``tables``), which effects there are
(``layout``), all of them (``group_time``, under covariates by ``two_periods``), their averages
(``pooling``). ``named`` and ``remarks`` put them into words.
"""

from evaluation.estimators.callaway_santanna.estimator import callaway_santanna

__all__ = ["callaway_santanna"]
