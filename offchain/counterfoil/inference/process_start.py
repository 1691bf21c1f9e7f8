"""When this process began, where the kernel says so."""

from __future__ import annotations

import os
import time
from pathlib import Path

_FORKED = 0x40
"""PF_FORKNOEXEC: forked, and no program begun since. Source: Linux, include/linux/sched.h."""


def began() -> int | None:
    """Unix nanoseconds before which nothing of this process had happened.

    None: not Linux, or a fork, whose memory is older than itself.
    """
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        if int(fields[6]) & _FORKED:
            return None
        ticks = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        # The time since boot, sleeping included, is the clock of field 22.
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - ticks
    except (OSError, ValueError, IndexError, AttributeError):
        return None
    return time.time_ns() - int((age + 0.01) * 1e9)
