"""A receipt's inference done again, and what came out: equal, close and why, or different."""

from .comparing import ABSOLUTE, RELATIVE, Comparison, Tolerance, compare
from .finding import Models
from .replaying import Replay, Replayer, Verdict

__all__ = [
    "ABSOLUTE",
    "RELATIVE",
    "Comparison",
    "Models",
    "Replay",
    "Replayer",
    "Tolerance",
    "Verdict",
    "compare",
]
