"""Procedures: from an estimator, a panel and its fit to an interval. None imports an estimator."""
