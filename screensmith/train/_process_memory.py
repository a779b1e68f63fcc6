"""How much memory a process has, and may still take, as the system counts it."""

from __future__ import annotations

import logging
import os
import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

logger = logging.getLogger(__name__)
MEMORY_INFO = Path("/proc/meminfo")
PROCESS_STATUS = Path("/proc/self/status")
PROCESS_RESET = Path("/proc/self/clear_refs")
GROUP_LIMIT, GROUP_USED = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")


def free_memory(device: torch.device) -> int:
    """Bytes that a process can still take on a device."""
    if device.type == "cuda":
        unused = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return torch.cuda.mem_get_info(device)[0] + unused
    available = _kibibytes(MEMORY_INFO, "MemAvailable") if MEMORY_INFO.is_file() else _pages_free()
    if GROUP_LIMIT.is_file() and (limit := GROUP_LIMIT.read_text("ascii").strip()) != "max":
        available = min(available, int(limit) - int(GROUP_USED.read_text("ascii")))
    return available


def _pages_free() -> int:
    return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def resident_memory(device: torch.device) -> int:
    """Bytes that the process holds now, or its peak so far where the system says no more."""
    if device.type == "cuda" or not PROCESS_STATUS.is_file():
        return process_peak()
    return _kibibytes(PROCESS_STATUS, "VmRSS")


def forget_peak(device: torch.device) -> None:
    """Let the peak be that of what follows, where the system can."""
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return
    with _ignoring_refusal():
        PROCESS_RESET.write_text("5", "ascii")


@contextmanager
def _ignoring_refusal() -> Iterator[None]:
    try:
        yield
    except OSError:
        logger.debug("the system does not let a process reset its peak memory")


def process_peak() -> int:
    """The most bytes that the process held since `forget_peak`, or ever."""
    if PROCESS_STATUS.is_file():
        return _kibibytes(PROCESS_STATUS, "VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _kibibytes(path: Path, name: str) -> int:
    """A value that the system writes as `Name: 123 kB`, in bytes."""
    lines = path.read_text("ascii").splitlines()
    value = next(line.split()[1] for line in lines if line.startswith(f"{name}:"))
    return int(value) * 1024
