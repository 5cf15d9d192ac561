"""Colours: the Government Analysis Function's categories, NHS.UK's text and greys.

The categories are dark enough for lines and dots on white (3:1); only INK, QUIET and BLUE are
dark enough for words.
"""

from __future__ import annotations

from typing import Final

__all__ = ["BLUE", "INK", "ORANGE", "QUIET", "RULE", "SHADE", "WHITE"]

BLUE: Final = "#12436D"
ORANGE: Final = "#F46A25"
INK: Final = "#212B32"
QUIET: Final = "#4C6272"
RULE: Final = "#D8DDE0"
SHADE: Final = "#E8EDEE"
WHITE: Final = "#FFFFFF"
