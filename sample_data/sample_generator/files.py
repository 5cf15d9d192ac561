"""The files: one CSV an outcome with the blemishes of a real extract, and the true effects."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sample_generator.facts import SEED
from sample_generator.model import STUDY_FILE, Design, Simulated, design, simulate

__all__ = ["true_effects", "write"]

# Blemishes that a real extract would have; each is documented in README.md and study.toml.
NOT_RETURNED = {("QSL", "2024-02"), ("QSL", "2024-03")}
NOT_REPORTED = {
    ("QUE", "2023-09"), ("QUE", "2023-10"), ("QM7", "2024-06"), ("QRV", "2025-01"),
    ("QF7", "2024-08"), ("QT6", "2025-11"),
}  # fmt: skip
MARKER = "-"
BREAK_UNIT, BREAK_MONTHS, BREAK_FACTOR = "QVV", ("2024-05", "2024-06", "2024-07"), 1.3


def true_effects(drawn: Simulated, plan: Design) -> dict[str, object]:
    """Return the exact average effects on the treated, weighted by exposure."""
    by_site = {
        name: _true_effect(drawn, (plan.since >= 0) & (plan.site == index)[:, None])
        for index, name in enumerate(plan.names)
    }
    return {
        "measure": drawn.measure,
        "per": drawn.per,
        "overall": _true_effect(drawn, plan.since >= 0),
        "sites": by_site,
    }


def _true_effect(drawn: Simulated, cells: NDArray[np.bool_]) -> dict[str, float]:
    exposure = drawn.exposure[cells].sum()
    outcome = float((drawn.exposure * drawn.expected)[cells].sum() / exposure) * drawn.per
    counterfactual = float((drawn.exposure * drawn.untreated)[cells].sum() / exposure) * drawn.per
    return {
        "log_rate_ratio": round(math.log(outcome / counterfactual), 8),
        "per_cent": round(100 * (outcome / counterfactual - 1), 6),
        "level": round(outcome - counterfactual, 8),
        "counterfactual": round(counterfactual, 8),
    }


def _csv(drawn: Simulated, plan: Design) -> str:
    lines = [",".join(("icb", "month", *drawn.columns))]
    for u, unit in enumerate(plan.units):
        for t, month in enumerate(plan.months):
            if drawn.key == "avoidable_admissions" and (unit, month) in NOT_RETURNED:
                continue
            exposure, seen = drawn.exposure[u, t], drawn.observed[u, t]
            if drawn.key == "delayed_discharges" and unit == BREAK_UNIT and month in BREAK_MONTHS:
                seen = min(np.rint(BREAK_FACTOR * seen), exposure)
            values = [f"{seen:.2f}" if drawn.measure == "mean" else f"{seen:.0f}"]
            if drawn.measure != "count":
                values.insert(0, f"{exposure:.0f}")
            if drawn.key == "delayed_discharges" and (unit, month) in NOT_REPORTED:
                values = [MARKER] * len(values)
            lines.append(",".join((unit, month, *values)))
    return "\n".join(lines) + "\n"


def write(
    folder: Path, *, seed: int = SEED, effects: Mapping[str, float] | None = None
) -> tuple[Path, ...]:
    """Write a study folder: one CSV an outcome, ``true_effects.json`` and ``study.toml``."""
    plan = design()
    drawn = simulate(plan, seed=seed, effects=effects)
    truth = {
        "notice": "Synthetic data: the effects that generate.py put in. "
        "No conclusion about any real ICB can be drawn.",
        "seed": seed,
        "weights": "exposure (the weight for a mean, 1 for a count), treated ICB-months only",
        "outcomes": {key: true_effects(one, plan) for key, one in drawn.items()},
    }
    texts = {f"{key}.csv": _csv(one, plan) for key, one in drawn.items()}
    texts["true_effects.json"] = json.dumps(truth, indent=2, ensure_ascii=False) + "\n"
    texts["study.toml"] = STUDY_FILE.read_text(encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_bytes(text.encode())
    return tuple(folder / name for name in texts)
