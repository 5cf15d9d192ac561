"""One task in a process of its own: called once for every line that comes in, and timed each time.

    python -m benchmarks.worker MODULE:FUNCTION TABLE BYTES

``FUNCTION`` is given the arrays of ``TABLE`` (an ``.npz`` file), prepares what is not to be timed
and returns what is; more memory than ``BYTES`` it does not get. Answers are lines of JSON. Needs
nothing but numpy and what the task needs, so that it runs in the peers' environment too.
"""

from __future__ import annotations

import importlib
import json
import os
import resource
import sys
import time
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["Call", "Table", "main"]

Table = Mapping[str, NDArray[Any]]
# What is timed: returns the figures that the table shows, so that readers see that they agree.
Call = Callable[[], Mapping[str, float]]


def main(task: str, path: Path, most: int) -> None:
    """Prepare the task, then call it once for every line on standard input."""
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # Some libraries print: what they say goes where errors go.
    told = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    # A notice on every warm call would be timed as well.
    warnings.simplefilter("ignore")

    def tell(**words: object) -> None:
        told.write(json.dumps(words) + "\n")
        told.flush()

    module, name = task.split(":")
    prepare: Callable[[Table], Call] = getattr(importlib.import_module(module), name)
    with np.load(path) as table:
        try:
            call = prepare(table)
        except ImportError as error:
            tell(absent=str(error))
            return
    _forget_peak()
    tell(memory=_peak())
    for _ in sys.stdin:
        wall, processor = time.perf_counter(), time.process_time()
        answer = call()
        processor, wall = time.process_time() - processor, time.perf_counter() - wall
        figures = {key: float(value) for key, value in answer.items()}
        tell(processor=processor, wall=wall, memory=_peak(), answer=figures)


def _forget_peak() -> None:
    """Let the peak be what is held now, where Linux allows it: preparing is no part of a task."""
    forget = Path("/proc/self/clear_refs")
    if forget.exists():
        forget.write_text("5", encoding="ascii")


def _peak() -> int:
    """Return the most memory that this process has held, in bytes."""
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
