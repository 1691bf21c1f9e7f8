"""Names for the plain types that every layer passes on."""

from __future__ import annotations

from typing import NewType

Digest = NewType("Digest", bytes)
"""32 bytes."""

Address = NewType("Address", str)
"""An account or contract: 0x and 40 hex digits with EIP-55's checksum."""

Signature = NewType("Signature", bytes)
"""65 bytes, r ‖ s ‖ v with v 27 or 28 and s in the lower half."""

Seconds = NewType("Seconds", int)
"""Unix time, or a span, in whole seconds."""

ZERO = Digest(bytes(32))
"""32 zero bytes: no request, no program, the master of public data."""
