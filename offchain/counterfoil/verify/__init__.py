"""Verification of a receipt file (docs/format.md §11): it returns what it verified, or raises."""

from .anchor import Anchoring, ModelStanding
from .offline import WORDS_OF_OPENING
from .result import Verification
from .trust import Trust
from .verifier import verify

__all__ = ["WORDS_OF_OPENING", "Anchoring", "ModelStanding", "Trust", "Verification", "verify"]
