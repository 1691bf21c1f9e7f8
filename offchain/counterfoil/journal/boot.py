"""Which boot of the machine this is: a power cut ends one, the end of a process does not."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path

LINUX = Path("/proc/sys/kernel/random/boot_id")
"""Source: random(4)."""


@cache
def boot_id() -> str | None:
    """A name of this boot that no other boot has, None where the system tells none."""
    try:
        return LINUX.read_text(encoding="ascii").strip() or None
    except OSError:
        pass
    if sys.platform == "darwin":
        done = subprocess.run(
            ["/usr/sbin/sysctl", "-n", "kern.bootsessionuuid"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout.strip() or None
    return None
