"""From a float ONNX model to an exact program and its twin (docs/programs.md §8)."""

from .quantising import Quantisation, quantise

__all__ = ["Quantisation", "quantise"]
