"""Make the sample study: synthetic outcomes of six pilot sites and 33 comparison ICBs.

Every number is invented by the model below from a seed; no patient, nurse or hospital is behind
any of it. What makes it look like the real thing are the measured constants, each with its source.
``study.toml`` beside this file says who started when; this file makes the outcome files and
``true_effects.json`` that go with it::

    python sample_data/generate.py                                       # the shipped sample
    python sample_data/generate.py --out trial --effect avoidable_admissions=-12 --seed 7

The same seed gives the same bytes everywhere: numbers come from the raw PCG64 stream (which numpy
guarantees, unlike its distributions) and are rounded far above a processor's last bits.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from sample_generator import KEYS, PRESCRIBERS, SEED, write

__all__ = ["main"]

HERE = Path(__file__).resolve().parent


def _effect(text: str) -> tuple[str, float]:
    key, _, value = text.partition("=")
    try:
        size = float(value)
    except ValueError:
        size = math.nan
    if key not in KEYS or not size > (-1 if key == PRESCRIBERS else -100):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not OUTCOME=PER_CENT with OUTCOME one of {', '.join(KEYS)} and PER_CENT "
            "above -100 (for prescribers: nurses added at each site, 0 or more)"
        )
    return key, size


def main(arguments: Sequence[str] | None = None) -> None:
    """Write the sample, or another situation of the same design into another folder."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--out", type=Path, default=HERE, metavar="DIR")
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--effect", type=_effect, action="append", metavar="OUTCOME=PER_CENT")
    chosen = parser.parse_args(arguments)
    effects = dict(chosen.effect or ())
    if chosen.out.resolve() == HERE and (effects or chosen.seed != SEED):
        parser.error("the shipped sample has its own seed and effects: give another folder, --out")
    for path in write(chosen.out, seed=chosen.seed, effects=effects):
        sys.stdout.write(f"{path}\n")


if __name__ == "__main__":
    main()
