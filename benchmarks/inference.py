"""Race the wild bootstrap and reassignment beside wildboottest and pyfixest.

    python -m benchmarks.inference --peers PYTHON [--into docs/benchmarks.md]

PYTHON is that of the peers' environment (benchmarks/README.md). Exits with 1 when what is asked is
not reached; a peer that is absent is said to be, and nothing is then asked of its race.
"""

from __future__ import annotations

import sys

from benchmarks.side_by_side import Race, Racer
from benchmarks.tables import main


def _whole(of: str) -> tuple[Racer, ...]:
    """Return what is asked to be quick, and beside it all that a run does."""
    return (
        Racer(
            name="pilot-eval, the three intervals",
            task=f"benchmarks.ours_inference:whole_of_a_{of}",
            ours=True,
        ),
        Racer(
            name="pilot-eval, a run: files, checks, and each of six sites alone too",
            task=f"benchmarks.ours_inference:run_of_a_{of}",
            ours=True,
        ),
    )


RACES = (
    Race(
        key="wild",
        title="9,999 wild draws (WCR-S) on 42 x 54, 39 sites, from a fit to a p-value",
        panel="pilot",
        racers=(
            Racer(name="pilot-eval", task="benchmarks.ours_inference:wild_p", ours=True),
            Racer(name="wildboottest", task="benchmarks.peers_inference:wildboottest_p"),
            Racer(name="pyfixest", task="benchmarks.peers_inference:pyfixest_wild_p"),
            Racer(
                name="pilot-eval, with the interval by inversion",
                task="benchmarks.ours_inference:wild_interval",
                ours=True,
            ),
        ),
        rounds=9,
        asked=20,
    ),
    Race(
        key="reassignment",
        title="9,999 reassignments on the site-collapsed panel, 39 x 54",
        panel="pilot",
        racers=(
            Racer(
                name="pilot-eval, coefficient and t",
                task="benchmarks.ours_inference:reassignment",
                ours=True,
            ),
            Racer(
                name="pyfixest, coefficient alone",
                task="benchmarks.peers_inference:pyfixest_ritest_coefficient",
            ),
            Racer(
                name="pyfixest, coefficient of one change a site, 39 rows",
                task="benchmarks.peers_inference:pyfixest_ritest_of_changes",
            ),
            Racer(
                name="pyfixest, t (99 measured, times 101)",
                task="benchmarks.peers_inference:pyfixest_ritest_t",
                times=101,
                most=2,
                beside=None,
            ),
            Racer(
                name="pilot-eval, from panel to interval by inversion",
                task="benchmarks.ours_inference:reassignment_interval",
                ours=True,
            ),
        ),
        rounds=9,
        asked=5,
    ),
    Race(
        key="mean",
        title="The whole of one outcome by least squares: panel, estimate, `cr2`, `wild`, "
        "`randomisation`, each with its interval",
        panel="pilot",
        racers=_whole("mean"),
        at_most=0.5,
    ),
    Race(
        key="rate",
        title="The whole of one outcome by Poisson, the same",
        panel="pilot_rate",
        racers=_whole("rate"),
        at_most=0.5,
    ),
)

if __name__ == "__main__":
    sys.exit(main("inference", RACES))
