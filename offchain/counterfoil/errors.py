"""Every way to fail, under one root.

A message is one line and says what to do. A class is one condition: whoever
catches it knows what happened without reading the message.
"""

from __future__ import annotations


class CounterfoilError(Exception):
    """Root of all errors that this package raises on purpose."""

    exit_code = 1
    """What a command exits with when this error ends it."""


# Formats: bytes that came from outside (docs/format.md).


class FormatError(CounterfoilError):
    """Bytes that are not what the format says."""

    exit_code = 65


class MalformedFile(FormatError):
    """A receipt or batch file that does not parse, or breaks a rule of its layout."""


class FileTooLarge(FormatError):
    """A file past the format's limit."""


class EmptyTree(FormatError):
    """A tree needs at least one leaf."""


class BadPath(FormatError):
    """A path that is too long or too short for its index and size, or an index past the size."""


class BadSignature(FormatError):
    """A signature that is not 65 bytes r ‖ s ‖ v with v 27 or 28 and s in the lower half."""


class BadTensor(FormatError):
    """A value that has no tensor bytes under docs/format.md §2."""


class BigEndianTensor(BadTensor):
    """A big-endian array: onnxruntime would silently read it as little-endian."""


class BadModel(FormatError):
    """A model file that cannot be read as ONNX."""


class UnsafeModelPath(BadModel):
    """External data outside the model's folder, or one location twice."""


class BadOpening(FormatError):
    """An opening that does not lead to the commitment it claims to open."""


# Deployments: where the contracts are.


class BadDeploymentRecord(FormatError):
    """A file of recorded deployments that is not one."""


# Commands.


class BadInputFile(CounterfoilError):
    """A file given to `counterfoil run` that fits no input of the model."""

    exit_code = 65


class AnvilMissing(CounterfoilError):
    """`counterfoil up` needs anvil, on PATH or in node_modules/.bin."""

    exit_code = 69


class NodeFailed(CounterfoilError):
    """The local node did not start, or stopped by itself."""

    exit_code = 69
