"""The executor as machine code, where llvmlite is installed (extra `fast`).

Until the kernels are there, and wherever they cannot be made, `kernels` says so by None.
"""

from .executor import CompiledExecutor, TooLarge
from .ready import kernels

__all__ = ["CompiledExecutor", "TooLarge", "kernels"]
