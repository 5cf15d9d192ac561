"""The generator of the sample study; ``generate.py`` beside this folder is its command."""

from __future__ import annotations

from sample_generator.facts import KEYS, PRESCRIBERS, SEED, SERIES, Series
from sample_generator.files import true_effects, write
from sample_generator.model import Design, Simulated, design, simulate

__all__ = [
    "KEYS",
    "PRESCRIBERS",
    "SEED",
    "SERIES",
    "Design",
    "Series",
    "Simulated",
    "design",
    "simulate",
    "true_effects",
    "write",
]
