"""Integrated Care Boards by code of any vintage, and their changes of boundary.

Tables beside this module hold the facts and say where each is from. Pilot sites are in
:data:`PILOT_SITES`. What was decided about boundaries, and why, is in
``docs/adr/0002-boundaries.md``.

Clusters of 2025 share leadership and nothing else; no code changed: Derby and Derbyshire,
Nottingham and Nottinghamshire with Lincolnshire; Leicester, Leicestershire and Rutland with
Northamptonshire; Coventry and Warwickshire with Herefordshire and Worcestershire.
"""

from __future__ import annotations

from evaluation.geography.boundaries import BOUNDARIES, Change, areas, changes, find
from evaluation.geography.boundaries import unit_area as area
from evaluation.geography.errors import BoundaryError, UnknownAreaError
from evaluation.geography.following import follow, members, vintage
from evaluation.geography.register import icb_of_sub_icb
from evaluation.geography.tables import PILOT_SITES, Area, PilotArea, Region
from evaluation.geography.tables import read_regions as regions

__all__ = [
    "BOUNDARIES",
    "PILOT_SITES",
    "Area",
    "BoundaryError",
    "Change",
    "PilotArea",
    "Region",
    "UnknownAreaError",
    "area",
    "areas",
    "changes",
    "find",
    "follow",
    "icb_of_sub_icb",
    "members",
    "regions",
    "vintage",
]
