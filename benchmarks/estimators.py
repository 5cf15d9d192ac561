"""Race the estimators beside pyfixest, diff-diff, csdid, moderndid, linearmodels and synthdid-py.

    python -m benchmarks.estimators --peers PYTHON [--into docs/benchmarks.md]

PYTHON is that of the peers' environment (benchmarks/README.md). Exits with 1 when what is asked is
not reached; a peer that is absent is said to be, and nothing is then asked of its race.
"""

from __future__ import annotations

import sys

from benchmarks.side_by_side import Race, Racer
from benchmarks.tables import main


def _ours(name: str, task: str) -> Racer:
    return Racer(name=name, task=f"benchmarks.ours_estimators:{task}", ours=True)


def _peer(name: str, task: str, *, most: int | None = None, beside: int | None = 0) -> Racer:
    task = f"benchmarks.peers_estimators:{task}"
    return Racer(name=name, task=task, most=most, beside=beside)


_TWFE = (
    _ours("pilot-eval, from rows", "twfe_cr1"),
    _ours("pilot-eval, from a Panel", "twfe_cr1_from_panel"),
    _peer("diff-diff, compiled core", "diff_diff_core", beside=1),
    _peer("pyfixest", "pyfixest_twfe", most=2),
    _peer("linearmodels, low memory", "linearmodels_twfe", most=1),
)

RACES = (
    Race(
        key="twfe",
        title="TWFE with `cr1` by site, 5,000,000 rows, balanced",
        panel="large",
        racers=(
            *_TWFE,
            _peer("diff-diff, TwoWayFixedEffects", "diff_diff_twfe", most=3),
        ),
        rounds=5,
        in_turns=False,
        asked=5,
    ),
    Race(
        key="twfe-unbalanced",
        title="TWFE with `cr1` by site, 4,500,000 of them: unbalanced",
        panel="large_unbalanced",
        racers=_TWFE,
        rounds=5,
        in_turns=False,
        asked=1,
    ),
    Race(
        key="callaway-santanna",
        title="Callaway and Sant'Anna, 900,000 rows (15,000 x 60), four starts",
        panel="homes",
        racers=(
            _ours("pilot-eval", "callaway_santanna_cr1"),
            _peer("diff-diff", "diff_diff_callaway_santanna"),
            _peer("csdid", "csdid_callaway_santanna", most=1),
            _peer("moderndid", "moderndid_callaway_santanna", most=1),
        ),
        rounds=5,
        in_turns=False,
        asked=1,
    ),
    Race(
        key="synthetic-did",
        title="Synthetic difference-in-differences with 500 placebos, 42 x 60",
        panel="areas",
        racers=(
            _ours("pilot-eval", "synthetic_did_placebos"),
            _peer("diff-diff", "diff_diff_synthetic_did"),
            _peer("synthdid-py", "synthdid_py", most=1),
        ),
        rounds=5,
        asked=2,
    ),
    Race(
        key="imputation",
        title="Imputation, 42 x 60, three starts",
        panel="areas_staggered",
        racers=(
            _ours("pilot-eval", "imputation_cr1"),
            _peer("diff-diff", "diff_diff_imputation"),
            _peer("pyfixest, two-stage, overall alone", "pyfixest_did2s", beside=None),
        ),
        rounds=9,
        asked=1,
    ),
    Race(
        key="imputation-homes",
        title="Imputation, 900,000 rows (15,000 x 60), four starts",
        panel="homes",
        racers=(
            _ours("pilot-eval", "imputation_cr1"),
            _peer("diff-diff", "diff_diff_imputation", most=1),
        ),
        rounds=5,
        in_turns=False,
        asked=1,
    ),
    Race(
        key="poisson",
        title="Poisson with `cr1` by site, 900,000 rows (15,000 x 60)",
        panel="homes",
        racers=(
            _ours("pilot-eval", "poisson_cr1"),
            _peer("pyfixest", "pyfixest_poisson", most=3),
        ),
        rounds=5,
        in_turns=False,
        asked=1,
    ),
)

if __name__ == "__main__":
    sys.exit(main("estimators", RACES))
