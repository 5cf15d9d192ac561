"""Disclosure control: the one way from a Result to a Released, and the only maker of one."""

from __future__ import annotations

from evaluation.disclosure.released import Glance, Released, Trend, release

__all__ = ["Glance", "Released", "Trend", "release"]
