"""Exact integer programs: one meaning on every machine, one step provable (docs/programs.md)."""

from .builder import Block, Builder, Window
from .executor import Executor
from .program import ExactProgram
from .rows import Edge, Kind, Operator, Weights
from .step import Opened, faults, opened
from .trace import Trace

__all__ = [
    "Block",
    "Builder",
    "Edge",
    "ExactProgram",
    "Executor",
    "Kind",
    "Opened",
    "Operator",
    "Trace",
    "Weights",
    "Window",
    "faults",
    "opened",
]
