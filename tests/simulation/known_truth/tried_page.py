"""The section on what was tried for more power, and what it cost."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from evaluation.simulation import Rate
from known_truth.table import ALL, MIXED
from known_truth.tables import table
from known_truth.tried import COURSES, IN_COURSE, TRIED, over
from known_truth.tried_table import COURSES_OF, DRAWS, TriedFigures

__all__ = ["tried_section"]

_WORDS = f"""All but `wild` are tests by reassignment, the same {DRAWS} reassignments with another
statistic. Where sites are exchangeable each of them is exact, whatever its statistic; what differs
is what becomes of size where they are not, and power.

- **`randomisation`** is what it is in every report: the t of the jackknife by site, each
  assignment's brought to the normal scale from its own degrees of freedom.
- **t of CR1** is randomisation on t as published. It has up to 11 points more power, and pays with
  size: over 8,000 to 10,000 panels drawn anew (Monte Carlo error 0.3) it rejected 3.4% with large
  pilots, 6.4% in regional and 7.0% against sites like these; `randomisation` 5.7, 5.4 and 5.6%.
- **The error that size and noise lead to expect** ("by size") and **half of it** gain most in most
  processes, since six pilot sites no longer have to show how much they vary. The cost is the
  question that is asked: where sites have effects of their own, no effect on average is called one
  two or three times too often (see sites like these). Not offered.
- **Sites weighed by precision, months alike** ("precision") gains up to 3 points, most where a site
  of several units has more noise than its size says (all together, shared in site) or noise does
  not fall with size (share). Not offered by itself.
- **Generalised least squares for an effect that is there at once** ("at once") weighs months by how
  the noise lasts. Where it lasts long, almost all weight lies on the months around the start: much
  power for an effect that is there from the first month on, and about half of that of
  `randomisation`, or less, for one that builds up or begins late, as pilots do. Not offered.
- **`randomisation_gls`** joins the last two, and looks for an effect of which a third is there at
  once and the rest builds up over the first third of the pilot. It is offered. It gains most where
  noise lasts (AR .8, share), up to 8 points for effects that build up or begin late (none in AR
  .8), and nothing in Poisson and negative binomial. What it costs: its interval is not built around
  the estimate; an effect that fades is found less often where noise does not last (by 11 points in
  iid, 3 in AR .5); an interval takes 0.2 s.
- **Adjusted for what comparison sites' earlier months foretell** ("adjusted"), the regression
  fitted to comparison sites alone, anew for every assignment: the last six months and the winters
  before anyone started foretell little, and two slopes fitted to 33 sites cost up to 4 points. Not
  offered.
- **Months pooled to quarters** ("quarters") costs up to 3 points. Not offered.
"""


def tried_section(tried: Mapping[str, TriedFigures]) -> str:
    """Return the section's text and tables."""
    trials = next(iter(tried[ALL[0]].size.values())).rejected.trials

    def size(name: str) -> Callable[[TriedFigures], Rate]:
        return lambda found: found.size[name].rejected

    def like(name: str) -> Callable[[TriedFigures], Rate]:
        return lambda found: found.like_these[name].rejected

    def power(name: str, effect: float) -> Callable[[TriedFigures], Rate]:
        return lambda found: found.power[name, effect].rejected

    return "\n".join(
        [
            f"{trials:,} of the panels above, at 5%.\n",
            _WORDS,
            "How often nothing is called an effect:\n",
            _by_process(tried, size),
            "The same against the average over sites like these:\n",
            _by_process({key: tried[key] for key in MIXED}, like),
            "Power at an effect of 5%, there at once:\n",
            _by_process(tried, lambda name: power(name, 0.05)),
            "Power at an effect of 4%, there at once:\n",
            _by_process(tried, lambda name: power(name, 0.04)),
            "Power at an effect that ends at 6% (or starts there, where it fades), by the course "
            "that it takes:\n",
            _by_course(tried),
        ]
    )


def _by_process(
    tried: Mapping[str, TriedFigures], rate: Callable[[str], Callable[[TriedFigures], Rate]]
) -> str:
    return table(
        ["process", *(_short(name) for name in TRIED)],
        [[key, *(rate(name)(found).per_cent for name in TRIED)] for key, found in tried.items()],
    )


def _by_course(tried: Mapping[str, TriedFigures]) -> str:
    return table(
        ["process", "effect", *(_short(name) for name in IN_COURSE)],
        [
            [
                key,
                course,
                *(tried[key].courses[over(name, course)].rejected.per_cent for name in IN_COURSE),
            ]
            for key in COURSES_OF
            for course in COURSES
        ],
    )


def _short(name: str) -> str:
    return "t of CR1" if name == "CR1" else name
