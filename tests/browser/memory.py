"""Measure the memory of a Chromium with all of its processes."""

import contextlib
import re
from pathlib import Path


class MemoryOfBrowser:
    """Find the processes of the browser that uses a profile."""

    def __init__(self, profile: Path) -> None:
        self._profile = str(profile).encode()

    def bytes(self) -> int:
        """Return their proportional set size: memory that several share counts once."""
        total = 0
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                if self._profile in (process / "cmdline").read_bytes():
                    sizes = (process / "smaps_rollup").read_text()
                    total += 1024 * sum(
                        int(kib) for kib in re.findall(r"^Pss:\s+(\d+)", sizes, re.M)
                    )
        return total
