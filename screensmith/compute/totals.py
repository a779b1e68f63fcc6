"""Sums over the phases of a run, each of which says exactly what it counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from screensmith.compute._energy import CPU, GPU
from screensmith.compute.phases import Phase, per_second

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Totals:
    """All phases together; None where a part is not known, or was not counted in any phase.

    `device_hours` are wall hours times devices in use; `device_hours_held` count the devices that
    waited meanwhile, too. `cpu_core_hours_measured` are processor time; `cpu_core_hours_available`
    wall hours times the cores that a process may use. `peak_device_memory_bytes` is the device's
    that needed most. Rates are over the wall time of the phases that counted.
    """

    wall_seconds: float
    wall_hours: float
    device_hours: float
    device_hours_held: float
    cpu_core_hours_measured: float
    cpu_core_hours_available: float
    peak_memory_bytes: int
    peak_device_memory_bytes: int | None
    tokens: int | None
    images: int | None
    samples: int | None
    operations: float | None
    tokens_per_second: float | None
    images_per_second: float | None
    samples_per_second: float | None
    operations_per_second: float | None
    cpu_energy_joules: float | None
    gpu_energy_joules: float | None


def totals_of(phases: Sequence[Phase], devices: int, usable_cores: int) -> Totals:
    """Add phases up.

    Args:
        phases: of one run.
        devices: that the run held all the time.
        usable_cores: that a process of the run may use.
    """
    wall = sum(phase.wall_seconds for phase in phases)
    peaks = [peak for phase in phases for peak in phase.peak_device_memory_bytes.values()]
    operations = _sum([phase.operations for phase in phases])
    return Totals(
        wall_seconds=wall,
        wall_hours=wall / SECONDS_PER_HOUR,
        device_hours=sum(phase.device_seconds for phase in phases) / SECONDS_PER_HOUR,
        device_hours_held=wall * devices / SECONDS_PER_HOUR,
        cpu_core_hours_measured=sum(phase.cpu_seconds for phase in phases) / SECONDS_PER_HOUR,
        cpu_core_hours_available=wall * usable_cores / SECONDS_PER_HOUR,
        peak_memory_bytes=max((phase.peak_memory_bytes for phase in phases), default=0),
        peak_device_memory_bytes=max(peaks, default=None),
        tokens=_whole([phase.tokens for phase in phases]),
        images=_whole([phase.images for phase in phases]),
        samples=_whole([phase.samples for phase in phases]),
        operations=operations,
        tokens_per_second=_rate(phases, "tokens"),
        images_per_second=_rate(phases, "images"),
        samples_per_second=_rate(phases, "samples"),
        operations_per_second=_rate(phases, "operations"),
        cpu_energy_joules=_energy(phases, CPU),
        gpu_energy_joules=_energy(phases, GPU),
    )


def _sum(numbers: Sequence[float | None]) -> float | None:
    known = [number for number in numbers if number is not None]
    return sum(known) if known else None


def _whole(numbers: Sequence[int | None]) -> int | None:
    total = _sum(numbers)
    return None if total is None else int(total)


def _rate(phases: Sequence[Phase], counter: str) -> float | None:
    counted = [phase for phase in phases if getattr(phase, counter) is not None]
    seconds = sum(phase.wall_seconds for phase in counted)
    return per_second(sum(getattr(phase, counter) for phase in counted), seconds)


def _energy(phases: Sequence[Phase], kind: str) -> float | None:
    if not phases or any(kind not in phase.energy_joules for phase in phases):
        return None
    return sum(phase.energy_joules[kind] for phase in phases)
