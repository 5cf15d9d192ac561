"""The result of a run: its type, its store on disk, and its comparison with a rerun."""

from evaluation.results.result import Result

__all__ = ["Result"]
