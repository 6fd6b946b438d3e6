"""How much memory a new piece of work may take."""

from pathlib import Path

import psutil

#: Where Linux keeps the limits of a container.
GROUP = Path("/sys/fs/cgroup")


def free_memory(group: Path = GROUP) -> int:
    """Bytes that can be had without swapping: of the machine, or of the container."""
    free = psutil.virtual_memory().available
    try:
        limit = int((group / "memory.max").read_text())  # "max" when there is none
        used = int((group / "memory.current").read_text())
        rows = (group / "memory.stat").read_text().splitlines()
    except (OSError, ValueError):
        return free
    # Files that were read and may be forgotten count as used.
    stat = dict(row.split() for row in rows)
    return min(free, limit - used + int(stat.get("inactive_file", 0)))


def own_memory() -> int:
    """Bytes that this process has."""
    return psutil.Process().memory_info().rss
