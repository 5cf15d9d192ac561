"""Secondary suppression: which more figures must go so that no hidden one can be worked out.

Sums in a table of sites by periods, with totals both ways, are the edges of a network in which what
flows into a node flows out of it (Kelly, Golden and Assad 1992, Cell suppression: disclosure
protection for sensitive tabular data, Networks 22(4), 397-417). A hidden figure is safe when there
is another table that shows the same and in which it is 1, and one in which it is 7: a flow through
hidden edges alone that moves it there and moves no figure that is shown. For each hidden figure
such flows are looked for; figures on the cheapest way that are still shown are hidden. Rounding is
not counted on: the flows leave the totals unmoved to the last unit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush

from evaluation.errors import DisclosureError

__all__ = ["Edge", "Key", "Move", "Need", "Network", "Protection"]

Key = tuple[str, int, int]  # what it is (cell, part, row, column, grand), and where
Move = dict[Key, float]
_Came = dict[int, tuple[int, int, bool] | None]  # the node before, the edge, whether along it

_STEP = 1e-6  # of two ways that hide alike the shorter is taken
_ROOM = 1e-9


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One sum of the table.

    Parameters
    ----------
    key : Key
        Its name.
    tail, head : int
        Nodes that it leads from and to.
    value : float
        The sum.
    least, most : float
        What it could be, for all that a reader may know.
    cost : float
        What is lost when it is hidden; 0 where it is not shown anyway.
    """

    key: Key
    tail: int
    head: int
    value: float
    least: float = -math.inf
    most: float = math.inf
    cost: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """How far a hidden figure must be able to move, down and up."""

    down: float
    up: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Protection:
    """What protects the hidden figures.

    Parameters
    ----------
    hidden : frozenset of Key
        Sums that must not be shown, those that had to be hidden at first among them.
    moves : tuple of Move
        The flows: by how much which sums differ in another table that shows the same.
    """

    hidden: frozenset[Key] = frozenset()
    moves: tuple[Move, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Network:
    """The sums of one table.

    Parameters
    ----------
    edges : sequence of Edge
        Each key once.
    """

    edges: Sequence[Edge]
    _around: dict[int, list[tuple[int, int, bool]]] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        """Note for each node its edges: where they lead, and whether along or against."""
        for number, edge in enumerate(self.edges):
            self._around.setdefault(edge.tail, []).append((number, edge.head, True))
            self._around.setdefault(edge.head, []).append((number, edge.tail, False))

    def protect(self, needs: Mapping[Key, Need], hidden: frozenset[Key]) -> Protection:
        """Hide more sums until each of ``needs`` can move as far as it must.

        Parameters
        ----------
        needs : mapping
            Hidden sums, and how far each must be able to move.
        hidden : frozenset of Key
            Further sums that are hidden already.

        Raises
        ------
        DisclosureError
            When a figure cannot be protected even by hiding everything, which is a defect.
        """
        place = {edge.key: number for number, edge in enumerate(self.edges)}
        gone = {place[key] for key in (*needs, *hidden) if key in place}
        moves: list[Move] = []
        for key, need in needs.items():
            number = place[key]
            for amount in (need.up, -need.down):
                if abs(amount) > _ROOM:
                    flow = self._flow(number, amount, gone)
                    gone |= flow.keys()
                    moves.append({self.edges[k].key: by for k, by in flow.items()})
        return Protection(hidden=frozenset(self.edges[k].key for k in gone), moves=tuple(moves))

    def _flow(self, number: int, amount: float, gone: set[int]) -> dict[int, float]:
        """Return the cheapest flow that moves one edge by ``amount`` and nothing that is shown."""
        edge = self.edges[number]
        start, end = (edge.head, edge.tail) if amount > 0 else (edge.tail, edge.head)
        moved = {number: amount}
        left = abs(amount)
        while left > _ROOM:
            way = self._way((start, end), number, moved, (left, gone))
            if way is None:
                raise DisclosureError(
                    "a small figure cannot be protected by hiding others",
                    place=str(edge.key),
                    remedy="This is a defect of pilot-eval: please report it.",
                )
            push = min(left, *(self._room(k, along=along, moved=moved) for k, along in way))
            for k, along in way:
                moved[k] = moved.get(k, 0.0) + (push if along else -push)
            left -= push
        return {k: by for k, by in moved.items() if abs(by) > _ROOM}

    def _way(
        self,
        ends: tuple[int, int],
        without: int,
        moved: Mapping[int, float],
        task: tuple[float, set[int]],
    ) -> list[tuple[int, bool]] | None:
        """Return the cheapest way between two nodes, at first over edges that can carry it all."""
        left, gone = task
        free = self._free(ends, without, moved, task)
        if free is not None:
            return free
        for room in (left, _ROOM):
            found = self._cheapest(ends, without, moved, (room, gone))
            if found is not None:
                return found
        return None

    def _free(
        self,
        ends: tuple[int, int],
        without: int,
        moved: Mapping[int, float],
        task: tuple[float, set[int]],
    ) -> list[tuple[int, bool]] | None:
        """Return a way over hidden edges that can carry it all, sought from both ends at once."""
        left, gone = task
        came: tuple[_Came, _Came] = ({ends[0]: None}, {ends[1]: None})
        front: tuple[list[int], list[int]] = ([ends[0]], [ends[1]])
        while front[0] and front[1]:
            side = 0 if len(front[0]) <= len(front[1]) else 1
            further: list[int] = []
            for node in front[side]:
                for number, other, leaves in self._around.get(node, ()):
                    if other in came[side] or number == without:
                        continue
                    along = leaves == (side == 0)
                    if (number not in gone and number not in moved) or (
                        self._room(number, along=along, moved=moved) + _ROOM < left
                    ):
                        continue
                    came[side][other] = (node, number, along)
                    if other in came[1 - side]:
                        return [*_back(came[0], other), *_back(came[1], other)]
                    further.append(other)
            front[side][:] = further
        return None

    def _cheapest(
        self,
        ends: tuple[int, int],
        without: int,
        moved: Mapping[int, float],
        task: tuple[float, set[int]],
    ) -> list[tuple[int, bool]] | None:
        room, gone = task
        start, end = ends
        cost = {start: 0.0}
        came: _Came = {start: None}
        heap = [(0.0, start)]
        done: set[int] = set()
        while heap:
            so_far, node = heappop(heap)
            if node == end:
                return _back(came, end)
            if node in done:
                continue
            done.add(node)
            for number, other, along in self._around.get(node, ()):
                if number == without or other in done:
                    continue
                free = number in gone or number in moved
                space = self._room(number, along=along, moved=moved)
                if space <= _ROOM or (not free and space + _ROOM < room):
                    continue
                total = so_far + _STEP + (0.0 if free else self.edges[number].cost)
                if total < cost.get(other, math.inf):
                    cost[other] = total
                    came[other] = (node, number, along)
                    heappush(heap, (total, other))
        return None

    def _room(self, number: int, *, along: bool, moved: Mapping[int, float]) -> float:
        edge = self.edges[number]
        now = edge.value + moved.get(number, 0.0)
        return edge.most - now if along else now - edge.least


def _back(came: _Came, node: int) -> list[tuple[int, bool]]:
    """Return the edges from ``node`` back to where the search began."""
    way: list[tuple[int, bool]] = []
    step = came[node]
    while step is not None:
        before, number, along = step
        way.append((number, along))
        step = came[before]
    return way
