"""Draw panels whose truth is known, and measure what methods make of them.

Estimators and procedures are handed in; this layer knows none by name.
"""

from evaluation.simulation.drawing import Drawn, Sites, draw
from evaluation.simulation.experiment import (
    Analyst,
    Answer,
    Experiment,
    Measured,
    ThroughPanel,
    measure,
)
from evaluation.simulation.processes import PROCESSES, Process
from evaluation.simulation.rates import Mean, Rate
from evaluation.simulation.repeat import Progress, Trial, repeat
from evaluation.simulation.shape import PILOT, Shape
from evaluation.simulation.streams import named_stream

__all__ = [
    "PILOT",
    "PROCESSES",
    "Analyst",
    "Answer",
    "Drawn",
    "Experiment",
    "Mean",
    "Measured",
    "Process",
    "Progress",
    "Rate",
    "Shape",
    "Sites",
    "ThroughPanel",
    "Trial",
    "draw",
    "measure",
    "named_stream",
    "repeat",
]
