"""What each phase of a run took: `with log.phase("train"): ... log.count(tokens=512)`."""

from __future__ import annotations

import platform
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from screensmith.compute import _usage
from screensmith.compute._energy import CPU, GPU, DriverMeter, Meter, Reading

COUNTERS = ("tokens", "images", "samples", "operations")
READ_EVERY_SECONDS = 60.0  # so that no energy counter goes round unseen
CLOCK_SECONDS = 1e-9  # the clock's own resolution; nothing can be said of less


def per_second(count: float, seconds: float) -> float | None:
    """A rate, or None over a time too short to be measured."""
    return count / seconds if seconds >= CLOCK_SECONDS else None


@dataclass(slots=True)
class Phase:
    """A phase of one name, all its times together, without the phases inside it.

    `times` it was entered, `failures` of them ended in an exception. `wall_seconds` and
    `cpu_seconds` (user and system, of every process of the run and of those that it started).
    `device_seconds` is wall time, each second counted as often as devices were in use. `tokens`,
    `images`, `samples` and `operations` (floating-point ones, by formula) are what the caller
    counted, None where it counted none. `peak_memory_bytes` is the most RAM that one process had
    held by the phase's end (before it, too: the system keeps one highest mark), and
    `peak_device_memory_bytes` the same of tensors on each CUDA device used.
    `energy_joules` is by kind ("cpu", "gpu"), without the kinds that could not be measured throughout.
    """

    name: str
    times: int = 0
    failures: int = 0
    wall_seconds: float = 0.0
    cpu_seconds: float = 0.0
    device_seconds: float = 0.0
    tokens: int | None = None
    images: int | None = None
    samples: int | None = None
    operations: float | None = None
    peak_memory_bytes: int = 0
    peak_device_memory_bytes: dict[str, int] = field(default_factory=dict)
    energy_joules: dict[str, float] = field(default_factory=dict)

    def rate(self, counter: str) -> float | None:
        """So many of "tokens", "images", "samples" or "operations" per wall second, or None."""
        count: float | None = getattr(self, counter)
        return None if count is None else per_second(count, self.wall_seconds)


@dataclass(frozen=True, slots=True)
class ProcessRecord:
    """One process's phases, to be sent to the process that writes; `machine` tells machines apart."""

    machine: str
    phases: tuple[Phase, ...]


@dataclass(slots=True)
class _Moment:
    wall: float
    cpu: float
    energy: Reading


class ComputeLog:
    """Measures the phases of a run, in one process and one thread.

    Phases may be nested; while an inner one runs, the outer one stands still, so the phases of a log
    add up. A phase entered again goes on. One that ends in an exception is kept, as failed.

    Args:
        devices: in use by all processes together; on a CPU each process is one device.
        processes: of the run; the others' records are added with `join`.
        device: the devices' kind, such as "cuda"; "" is "cuda" where torch used it and "cpu" elsewhere.
        meter: of energy; None takes what the machine's drivers give.
    """

    def __init__(
        self, devices: int = 1, *, processes: int = 1, device: str = "", meter: Meter | None = None
    ) -> None:
        if devices < 1 or processes < 1:
            raise ValueError(f"a run has 1 device and 1 process at least, not {devices} and {processes}")
        self.devices, self.processes = devices, processes
        self.began = datetime.now(UTC)
        self.notes: dict[str, str] = {}
        self._device = device
        self._meter = DriverMeter() if meter is None else meter
        self._phases: dict[str, Phase] = {}
        self._unmeasured: set[tuple[str, str]] = set()  # phase and kind of energy
        self._open: list[tuple[Phase, int]] = []
        self._last = self._now()
        self._joined = 1

    @property
    def device(self) -> str:
        """The kind of devices: "cuda", "cpu" or what the caller said."""
        return self._device or ("cuda" if _usage.peak_device_memory_bytes() else "cpu")

    @property
    def phases(self) -> tuple[Phase, ...]:
        """In the order in which they were first entered, with what has been measured by now."""
        if self._open:
            self._charge()
        return tuple(self._phases.values())

    @contextmanager
    def phase(self, name: str, *, devices: int | None = None) -> Iterator[None]:
        """Charge what happens inside to a phase.

        Args:
            name: "train", "evaluate", "infer" or another lower-case word.
            devices: in use meanwhile; None: all of the log's.

        Raises:
            ValueError: the name is none, or there are fewer than 0 or more devices than the log's.
        """
        if not re.fullmatch(r"[a-z][a-z0-9_]{0,31}", name):
            raise ValueError(f"a phase's name is a lower-case word such as 'train', not {name!r}")
        used = self.devices if devices is None else devices
        if not 0 <= used <= self.devices:
            raise ValueError(f"{name}: {used} devices of the run's {self.devices}")
        self._charge()
        phase = self._phases.setdefault(name, Phase(name))
        phase.times += 1
        self._open.append((phase, used))
        try:
            yield
        except BaseException:
            phase.failures += 1
            raise
        finally:
            self._charge()
            self._open.pop()

    def count(
        self,
        *,
        tokens: int | None = None,
        images: int | None = None,
        samples: int | None = None,
        operations: float | None = None,
    ) -> None:
        """Add to the counters of the innermost phase.

        Args:
            tokens: read or written by the model, padding apart.
            images: that the model looked at.
            samples: learnt from, or answered.
            operations: floating-point ones by formula, such as `train.flops.step_flops`.

        Raises:
            ValueError: no phase is running, or a number is negative or not finite.
        """
        if not self._open:
            raise ValueError("count() belongs into a phase: `with log.phase(...)` around it")
        given = {"tokens": tokens, "images": images, "samples": samples, "operations": operations}
        phase = self._open[-1][0]
        for name, number in given.items():
            if number is None:
                continue
            if not 0 <= number < float("inf"):
                raise ValueError(f"{name} cannot grow by {number}")
            setattr(phase, name, (getattr(phase, name) or 0) + number)
        if time.perf_counter() - self._last.wall > READ_EVERY_SECONDS:
            self._charge()

    def note(self, what: str, why: str) -> None:
        """Say in the report that something was not measured, and why."""
        self.notes[what] = why

    def record(self) -> ProcessRecord:
        """What was measured in this process, for `join` in another one."""
        return ProcessRecord(platform.node(), self.phases)

    def join(self, others: Sequence[ProcessRecord]) -> None:
        """Add what the run's other processes used at the same time.

        Processor time, energy and counters are added; wall and device time stay this process's. The
        energy of processors is counted once for each machine.
        """
        machines = {platform.node()}
        for record in others:
            self._joined += 1
            first_there = record.machine not in machines
            machines.add(record.machine)
            for phase in record.phases:
                self._add(phase, with_cpu_energy=first_there)

    def not_measured(self) -> dict[str, str]:
        """What could not be measured, and why."""
        found = dict(self.notes)
        phases = self.phases
        if self._joined < self.processes:
            found["other processes"] = (
                f"the run had {self.processes} processes, and the figures of {self._joined} are here: "
                "processor time, memory, energy and counters are theirs alone"
            )
        for kind, what in ((CPU, "energy of processors"), (GPU, "energy of GPUs")):
            if any(kind not in phase.energy_joules for phase in phases):
                found[what] = self._why_no_energy(kind)
        if not any(phase.peak_device_memory_bytes for phase in phases):
            found["device memory"] = "the run used no CUDA device"
        for name in COUNTERS:
            if all(getattr(phase, name) is None for phase in phases):
                found[name] = "the run did not count them"
        return found

    def _why_no_energy(self, kind: str) -> str:
        if kind == GPU and not any(phase.peak_device_memory_bytes for phase in self._phases.values()):
            return "the run used no CUDA device"
        return self._meter.why_not(kind)

    def _now(self) -> _Moment:
        return _Moment(time.perf_counter(), _usage.cpu_seconds(), self._meter.read())

    def _charge(self) -> None:
        """Charge what was used since the last call to the innermost phase, if there is one."""
        before, self._last = self._last, self._now()
        if not self._open:
            return
        phase, devices = self._open[-1]
        wall = self._last.wall - before.wall
        phase.wall_seconds += wall
        phase.device_seconds += wall * devices
        phase.cpu_seconds += max(0.0, self._last.cpu - before.cpu)
        phase.peak_memory_bytes = max(phase.peak_memory_bytes, _usage.peak_memory_bytes())
        for name, peak in _usage.peak_device_memory_bytes().items():
            known = phase.peak_device_memory_bytes.get(name, 0)
            phase.peak_device_memory_bytes[name] = max(known, peak)
        self._charge_energy(phase, before.energy)

    def _charge_energy(self, phase: Phase, before: Reading) -> None:
        taken = self._meter.between(before, self._last.energy, _usage.used_device_ids())
        for kind in (CPU, GPU):
            if kind not in taken:
                self._unmeasured.add((phase.name, kind))
                phase.energy_joules.pop(kind, None)
            elif (phase.name, kind) not in self._unmeasured:
                phase.energy_joules[kind] = phase.energy_joules.get(kind, 0.0) + taken[kind]

    def _add(self, other: Phase, *, with_cpu_energy: bool) -> None:
        phase = self._phases.setdefault(other.name, Phase(other.name))
        phase.failures = max(phase.failures, other.failures)
        phase.times = max(phase.times, other.times)
        phase.cpu_seconds += other.cpu_seconds
        phase.peak_memory_bytes = max(phase.peak_memory_bytes, other.peak_memory_bytes)
        for name in COUNTERS:
            if (number := getattr(other, name)) is not None:
                setattr(phase, name, (getattr(phase, name) or 0) + number)
        for name, peak in other.peak_device_memory_bytes.items():
            place = (
                name if name not in phase.peak_device_memory_bytes else f"{name} (process {self._joined})"
            )
            phase.peak_device_memory_bytes[place] = peak
        for kind in (CPU, GPU):
            if kind == CPU and not with_cpu_energy:
                continue
            if kind in phase.energy_joules and kind in other.energy_joules:
                phase.energy_joules[kind] += other.energy_joules[kind]
            else:  # a part of the sum would look like the whole
                phase.energy_joules.pop(kind, None)
