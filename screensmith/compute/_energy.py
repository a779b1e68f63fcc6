"""Energy counters: Intel's and AMD's RAPL through Linux' powercap, NVIDIA's through its driver (NVML)."""

from __future__ import annotations

import importlib
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

POWERCAP = Path("/sys/class/powercap")
# No processor package takes more, so a counter cannot go round unseen within its range / this.
LARGEST_PACKAGE_WATTS = 1000.0
CPU, GPU = "cpu", "gpu"


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters in joules, by kind (CPU, GPU) and by the driver's own id, at a moment in seconds."""

    seconds: float
    joules: Mapping[str, Mapping[str, float]]


class Meter(Protocol):
    """Reads energy counters."""

    def read(self) -> Reading:
        """All counters now."""

    def between(self, before: Reading, after: Reading, used: set[str]) -> Mapping[str, float]:
        """Joules by kind between two readings, of GPUs those `used`; what is not known is left out."""

    def why_not(self, kind: str) -> str:
        """Why a kind is not known, in words."""


@dataclass(slots=True)
class DriverMeter:
    """The counters of this machine, as far as its drivers let this user read them.

    RAPL counts whole processor packages and NVML whole boards, so what other programs do there at
    the same time counts, too.
    """

    powercap: Path = POWERCAP
    nvml: Any = None
    _problems: dict[str, str] = field(default_factory=dict)
    _ranges: dict[str, float] = field(default_factory=dict)
    _boards: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        try:
            self._find_packages()
        except (OSError, ValueError) as error:
            self._ranges.clear()
            name = type(error).__name__
            self._problems[CPU] = f"{self.powercap} cannot be read by this user ({name})"
        self._find_boards()

    def _find_packages(self) -> None:
        for folder in sorted(self.powercap.glob("*-rapl:*")):
            # Only whole packages: their parts, and the platform (psys), would count twice.
            if (folder / "name").is_file() and (folder / "name").read_text("ascii").startswith("package"):
                (folder / "energy_uj").read_text("ascii")
                self._ranges[folder.name] = int((folder / "max_energy_range_uj").read_text("ascii")) / 1e6
        if not self._ranges:
            self._problems[CPU] = f"there is no processor package below {self.powercap} (RAPL)"

    def _find_boards(self) -> None:
        if self.nvml is None:
            self.nvml = _nvml()
        if self.nvml is None:
            self._problems[GPU] = "NVML's Python module is not installed (pip install nvidia-ml-py)"
            return
        try:
            self.nvml.nvmlInit()
            for number in range(self.nvml.nvmlDeviceGetCount()):
                board = self.nvml.nvmlDeviceGetHandleByIndex(number)
                id = self.nvml.nvmlDeviceGetUUID(board)
                id = id.decode() if isinstance(id, bytes) else str(id)
                self.nvml.nvmlDeviceGetTotalEnergyConsumption(board)
                self._boards[id.removeprefix("GPU-")] = board
        except self.nvml.NVMLError as error:
            self._boards.clear()
            self._problems[GPU] = f"NVIDIA's driver does not give it ({error})"

    def read(self) -> Reading:
        """All counters now; one that fails is no longer known."""
        packages: dict[str, float] = {}
        boards: dict[str, float] = {}
        try:
            for name in self._ranges:
                packages[name] = int((self.powercap / name / "energy_uj").read_text("ascii")) / 1e6
        except (OSError, ValueError) as error:
            self._lose(CPU, f"{self.powercap} could not be read to the end ({type(error).__name__})")
            packages = {}
        try:
            for id, board in self._boards.items():
                boards[id] = self.nvml.nvmlDeviceGetTotalEnergyConsumption(board) / 1e3
        except self.nvml.NVMLError as error:
            self._lose(GPU, f"NVIDIA's driver stopped to give it ({error})")
            boards = {}
        return Reading(time.monotonic(), {CPU: packages, GPU: boards})

    def between(self, before: Reading, after: Reading, used: set[str]) -> Mapping[str, float]:
        """Joules by kind; a package's counter that went round once is put right."""
        result = {}
        if self._ranges and self._read_often_enough(after.seconds - before.seconds):
            result[CPU] = sum(
                (after.joules[CPU][name] - before.joules[CPU][name]) % self._ranges[name]
                for name in self._ranges
            )
        if self._boards and used <= self._boards.keys():
            result[GPU] = sum(after.joules[GPU][id] - before.joules[GPU][id] for id in used)
        return result

    def _read_often_enough(self, seconds: float) -> bool:
        if all(seconds * LARGEST_PACKAGE_WATTS < limit for limit in self._ranges.values()):
            return True
        self._lose(CPU, f"its counters may have gone round unseen in {seconds:.0f} s without a reading")
        return False

    def why_not(self, kind: str) -> str:
        """Why a kind is not known, in words."""
        return self._problems.get(kind, "the driver (NVML) does not know the devices that were used")

    def _lose(self, kind: str, why: str) -> None:
        (self._ranges if kind == CPU else self._boards).clear()
        self._problems[kind] = why


def _nvml() -> Any:
    """The optional module; a package of the same name that it replaces warns when it is imported."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return importlib.import_module("pynvml")
        except ImportError:
            return None
