"""Point estimators, each a plain function from a panel to a fit.

None knows another, and none computes a standard error or a p-value: that is for
``evaluation.inference``.
"""

from evaluation.estimators.event_study import event_study
from evaluation.estimators.poisson import poisson
from evaluation.estimators.synthetic_did import synthetic_did
from evaluation.estimators.twfe import twfe

__all__ = ["event_study", "poisson", "synthetic_did", "twfe"]
