"""Random streams keyed by name, so that no draw depends on how many were made before it."""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.random import Generator

__all__ = ["named_stream"]


def named_stream(seed: int, *names: str) -> Generator:
    """Return the generator of one use: the same names and seed give the same numbers.

    Parameters
    ----------
    seed : int
        0 or more.
    *names : str
        What the draws are for, such as the process and the repetition.
    """
    digest = hashlib.sha256("\x1f".join(names).encode()).digest()
    words = np.frombuffer(digest, dtype=np.uint32)
    return np.random.default_rng(np.random.SeedSequence([seed, *(int(w) for w in words)]))
