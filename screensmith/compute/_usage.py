"""What this process has used so far: processor time and memory, its own and its devices'."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

from screensmith.compute.hardware import loaded_torch

PROCESSES = Path("/proc")


def cpu_seconds() -> float:
    """User and system time of this process and of all that it started, running or ended."""
    times = os.times()
    ended = times.children_user + times.children_system
    return times.user + times.system + ended + sum(map(_seconds_of, _descendants("self")))


def _descendants(process: str) -> Iterator[str]:
    """Ids of the processes that a process started and has not waited for; empty where /proc is not."""
    for listing in (PROCESSES / process / "task").glob("*/children"):
        try:
            children = listing.read_text("ascii").split()
        except OSError:  # it ended meanwhile
            continue
        for child in children:
            yield child
            yield from _descendants(child)


def _seconds_of(process: str) -> float:
    """Time of a process and of those that it has waited for: fields 14 to 17 of /proc/N/stat (man proc)."""
    try:
        text = (PROCESSES / process / "stat").read_text("utf-8", errors="replace")
    except OSError:  # it ended meanwhile, and its time is its parent's now
        return 0.0
    fields = text.rpartition(")")[2].split()  # the name before may hold spaces
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def peak_memory_bytes() -> int:
    """The most RAM that this process held so far; the system keeps one highest mark (VmHWM)."""
    status = PROCESSES / "self" / "status"
    if status.is_file():
        for line in status.read_text("utf-8", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def peak_device_memory_bytes() -> dict[str, int]:
    """The most that tensors took on each CUDA device that this process used, by torch's name of it."""
    torch = loaded_torch()
    if torch is None or not torch.cuda.is_initialized():
        return {}
    peaks = {
        f"cuda:{number}": torch.cuda.max_memory_allocated(number)
        for number in range(torch.cuda.device_count())
    }
    return {name: peak for name, peak in peaks.items() if peak}


def used_device_ids() -> set[str]:
    """UUIDs of the CUDA devices that this process used, as the driver writes them, without `GPU-`.

    Where torch does not say a device's, its name stands there, which no driver knows.
    """
    torch = loaded_torch()
    found = set()
    for name in peak_device_memory_bytes():
        id = getattr(torch.cuda.get_device_properties(name), "uuid", name)
        found.add(str(id).removeprefix("GPU-"))
    return found
