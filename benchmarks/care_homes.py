"""Time inference by site for 15,000 care homes in 60 months.

    python -m benchmarks.care_homes --peers PYTHON [--into docs/benchmarks.md]

Nothing is asked: of the peers pyfixest alone has a jackknife and a wild bootstrap that take unit
effects out, and both end for want of memory, as the table says.
"""

from __future__ import annotations

import sys

from benchmarks.side_by_side import Race, Racer
from benchmarks.tables import main

_TASKS = {
    "twfe_cr2": "least squares, `cr2` with degrees of freedom",
    "twfe_cr3": "least squares, `cr3`",
    "twfe_wild": "least squares, `wild`: 9,999 draws, interval by inversion",
    "poisson_cr2": "Poisson, `cr2` with degrees of freedom",
    "poisson_cr3": "Poisson, `cr3`: every maximum found again",
    "poisson_wild": "Poisson, `wild`: 9,999 draws, interval by inversion",
}


_PEERS = (
    Racer(name="pyfixest, CRV3 and the fit", task="benchmarks.peers_care_homes:pyfixest_crv3"),
    Racer(name="pyfixest, wild p-value", task="benchmarks.peers_care_homes:pyfixest_wild_p"),
)


def _race(
    key: str, title: str, panel: str, *, without: str = "", peers: tuple[Racer, ...] = ()
) -> Race:
    ours = tuple(
        Racer(name=name, task=f"benchmarks.ours_care_homes:{task}", ours=True)
        for task, name in _TASKS.items()
        if task != without
    )
    return Race(
        key=key,
        title=f"{title}; from a fit to an interval",
        panel=panel,
        racers=(*ours, *peers),
        rounds=3,
        in_turns=False,
    )


RACES = (
    _race(
        "homes",
        "15,000 homes x 60 months in 375 sites, six of them pilots",
        "homes_pilot",
        peers=_PEERS,
    ),
    _race(
        "homes-unbalanced",
        "The same with a tenth of the rows missing",
        "homes_pilot_unbalanced",
    ),
    _race(
        "homes-few-sites",
        "15,000 homes x 60 months in 39 sites, six of them pilots",
        "homes_few_sites",
    ),
    # Every tested value of a Poisson model is 15,000 sites' moments anew.
    _race(
        "homes-alone",
        "15,000 homes x 60 months, each home its own site, 150 of them pilots",
        "homes_alone",
        without="poisson_wild",
    ),
)

if __name__ == "__main__":
    sys.exit(main("care_homes", RACES))
