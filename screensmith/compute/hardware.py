"""The machine and the software of a run, as this process sees them; nothing is asked over a network."""

from __future__ import annotations

import os
import platform
import re
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

PROCESSORS = Path("/proc/cpuinfo")
DRIVER = Path("/proc/driver/nvidia/version")


@dataclass(frozen=True, slots=True)
class Gpu:
    """A CUDA device that this process can use; `memory_bytes` is all that it has."""

    name: str
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Hardware:
    """What the run could use.

    `cpu` is the model's name. `physical_cores` and `logical_cores` are the machine's, `usable_cores`
    the logical ones that this process may run on (its affinity). `memory_bytes` is the machine's
    RAM. None: the system does not say. `gpus` is empty, too, where torch was not loaded.
    """

    cpu: str
    physical_cores: int | None
    logical_cores: int | None
    usable_cores: int
    memory_bytes: int | None
    gpus: tuple[Gpu, ...]


@dataclass(frozen=True, slots=True)
class Software:
    """Versions; empty where a package is not installed or the system does not say.

    `cuda` is what torch was built with, `driver` NVIDIA's kernel module, `platform` Python's name of
    the operating system.
    """

    screensmith: str
    python: str
    torch: str
    transformers: str
    cuda: str
    driver: str
    platform: str


def hardware() -> Hardware:
    """The machine that this process runs on."""
    text = PROCESSORS.read_text("utf-8", errors="replace") if PROCESSORS.is_file() else ""
    return Hardware(
        cpu=_model_name(text) or platform.processor() or platform.machine(),
        physical_cores=physical_cores(text),
        logical_cores=os.cpu_count(),
        usable_cores=usable_cores(),
        memory_bytes=_memory_bytes(),
        gpus=_gpus(),
    )


def software() -> Software:
    """The versions of what runs."""
    import screensmith

    return Software(
        screensmith=screensmith.__version__,
        python=platform.python_version(),
        torch=_version("torch"),
        transformers=_version("transformers"),
        cuda=_cuda_version(),
        driver=_driver_version(),
        platform=platform.platform(),
    )


def usable_cores() -> int:
    """Logical cores that this process may run on."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def physical_cores(text: str) -> int | None:
    """Cores by /proc/cpuinfo: its distinct pairs of `physical id` and `core id`; None where it has none."""
    found = set()
    for block in text.split("\n\n"):
        fields = dict(re.findall(r"^(physical id|core id)\s*:\s*(\d+)$", block, re.MULTILINE))
        if "core id" in fields:
            found.add((fields.get("physical id", "0"), fields["core id"]))
    return len(found) or None


def loaded_torch() -> Any:
    """Torch where something else has imported it already, or None; it is never imported for a report."""
    return sys.modules.get("torch")


def _model_name(text: str) -> str:
    found = re.search(r"^model name\s*:\s*(\S.*)$", text, re.MULTILINE)
    return found[1].strip() if found else ""


def _memory_bytes() -> int | None:
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (ValueError, OSError):  # a system without these names
        return None


def _gpus() -> tuple[Gpu, ...]:
    torch = loaded_torch()
    if torch is None or not torch.cuda.is_available():
        return ()
    every = [torch.cuda.get_device_properties(number) for number in range(torch.cuda.device_count())]
    return tuple(Gpu(each.name, each.total_memory) for each in every)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return ""


def _cuda_version() -> str:
    torch = loaded_torch()
    return str(torch.version.cuda or "") if torch is not None else ""


def _driver_version() -> str:
    """The version in a line like `NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue ...`."""
    if not DRIVER.is_file():
        return ""
    found = re.search(r"Kernel Module.*?\s(\d+(?:\.\d+)+)", DRIVER.read_text("utf-8", errors="replace"))
    return found[1] if found else ""
