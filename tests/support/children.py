"""The processes that this one has started and that are still there."""

import contextlib
from pathlib import Path


def children() -> list[str]:
    """Their ids, as the kernel lists them (Linux)."""
    found: list[str] = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that ended meanwhile
            found += (task / "children").read_text().split()
    return found
