"""Point estimators, each a plain function from a panel to a fit.

None knows another, and none computes a standard error or a p-value: that is for
``evaluation.inference``.
"""

from evaluation.estimators.callaway_santanna import callaway_santanna
from evaluation.estimators.event_study import event_study
from evaluation.estimators.imputation import imputation
from evaluation.estimators.poisson import poisson
from evaluation.estimators.synthetic_did import synthetic_did
from evaluation.estimators.twfe import twfe

__all__ = ["callaway_santanna", "event_study", "imputation", "poisson", "synthetic_did", "twfe"]
