"""A compute report as a Markdown page, in the order in which conferences' compute forms ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from screensmith.compute.phases import Phase
from screensmith.compute.totals import SECONDS_PER_HOUR, Totals, totals_of

if TYPE_CHECKING:
    from screensmith.compute.report import Report

GIBIBYTE = 2**30
UNKNOWN = "not measured"
DEFINITIONS = """\
- Phases do not contain each other: while one runs inside another, the outer one stands still; they add up.
- Device hours are wall hours times the devices in use; held device hours count devices that waited, too.
- Measured core hours are user and system time of the run's processes and of those that they started;
  available core hours are wall hours times the cores that a process may use.
- Peak memory is the most that one process, and tensors on one device, had held by the phase's end.
- Floating-point operations are counted by formula from the model's layers, not measured.
- Energy is what drivers count for whole processor packages and whole GPUs, other programs' share included,
  without memory, network, cooling, and what making the hardware took. Carbon is not estimated.
"""


def page(report: Report) -> str:
    """The page; texts from outside cannot become markup."""
    totals = totals_of(report.phases, report.devices, report.hardware.usable_cores)
    missing = [(what, why) for what, why in report.not_measured.items()] or [("nothing", "")]
    parts = [
        f"# Compute report: {_text(report.title)}\n",
        f"{_text(report.began)} to {_text(report.ended)}, {_text(report.status)}.\n",
        "## Hardware\n",
        _table(("", ""), _hardware(report)),
        "## Software\n",
        _table(("", ""), _software(report)),
        "## Phases\n",
        _phases(report.phases),
        "## Totals\n",
        _table(("", ""), _totals(totals, report)),
        "## Not measured, and why\n",
        _table(("what", "why"), missing),
        "## How it was counted\n",
        DEFINITIONS,
    ]
    return "\n".join(parts)


def _hardware(report: Report) -> list[tuple[str, str]]:
    machine = report.hardware
    gpus = [f"{gpu.name}, {_bytes(gpu.memory_bytes)}" for gpu in machine.gpus]
    cores = f"{_or(machine.physical_cores)} physical, {_or(machine.logical_cores)} logical"
    return [
        ("processor", machine.cpu or UNKNOWN),
        ("cores", f"{cores}, {machine.usable_cores} usable"),
        ("memory", _bytes(machine.memory_bytes)),
        ("usable GPUs", "; ".join(gpus) or "none"),
        ("devices used", f"{report.devices} ({report.device}), {report.processes} process(es)"),
    ]


def _software(report: Report) -> list[tuple[str, str]]:
    software = report.software
    return [
        ("screensmith", software.screensmith),
        ("Python", software.python),
        ("PyTorch", software.torch or "not installed"),
        ("transformers", software.transformers or "not installed"),
        ("CUDA of PyTorch", software.cuda or "none"),
        ("NVIDIA driver", software.driver or "none"),
        ("platform", software.platform),
    ]


def _phases(phases: Sequence[Phase]) -> str:
    head = (
        *("phase", "wall s", "device h", "core h, measured", "peak memory", "peak device memory", "tokens"),
        *("tokens/s", "images", "images/s", "samples", "operations", "energy kJ"),
    )
    return _table(head, [_phase(phase) for phase in phases])


def _phase(phase: Phase) -> tuple[str, ...]:
    notes = [f"{phase.times} times"] if phase.times > 1 else []
    notes += [f"{phase.failures} failed"] if phase.failures else []
    devices = [f"{name} {_bytes(peak)}" for name, peak in phase.peak_device_memory_bytes.items()]
    energy = [f"{kind} {joules / 1e3:.3g}" for kind, joules in phase.energy_joules.items()]
    return (
        f"{phase.name} ({', '.join(notes)})" if notes else phase.name,
        f"{phase.wall_seconds:.2f}",
        f"{phase.device_seconds / SECONDS_PER_HOUR:.4g}",
        f"{phase.cpu_seconds / SECONDS_PER_HOUR:.4g}",
        _bytes(phase.peak_memory_bytes),
        "; ".join(devices) or "-",
        _or(phase.tokens),
        _number(phase.rate("tokens")),
        _or(phase.images),
        _number(phase.rate("images")),
        _or(phase.samples),
        _number(phase.operations),
        "; ".join(energy) or "-",
    )


def _totals(totals: Totals, report: Report) -> list[tuple[str, str]]:
    gpu_hours = totals.device_hours if report.device == "cuda" else 0.0
    return [
        ("wall time", f"{totals.wall_seconds:.2f} s = {totals.wall_hours:.4g} h"),
        ("GPU hours, in use", f"{gpu_hours:.4g}"),
        ("device hours, in use", f"{totals.device_hours:.4g} ({report.device})"),
        ("device hours, held", f"{totals.device_hours_held:.4g} ({report.device})"),
        ("core hours, measured", f"{totals.cpu_core_hours_measured:.4g}"),
        ("core hours, available", f"{totals.cpu_core_hours_available:.4g}"),
        ("peak memory of a process", _bytes(totals.peak_memory_bytes)),
        ("peak memory of tensors on a device", _bytes(totals.peak_device_memory_bytes)),
        ("tokens", _counted(totals.tokens, totals.tokens_per_second)),
        ("images", _counted(totals.images, totals.images_per_second)),
        ("samples", _counted(totals.samples, totals.samples_per_second)),
        ("floating-point operations", _counted(totals.operations, totals.operations_per_second)),
        ("energy of processors", _joules(totals.cpu_energy_joules)),
        ("energy of GPUs", _joules(totals.gpu_energy_joules)),
    ]


def _counted(number: float | None, rate: float | None) -> str:
    if number is None:
        return UNKNOWN
    written = str(number) if isinstance(number, int) else _number(number)
    return written if rate is None else f"{written} ({_number(rate)} a second)"


def _number(number: float | None) -> str:
    return "-" if number is None else f"{number:.4g}"


def _or(number: int | None) -> str:
    return "-" if number is None else str(number)


def _bytes(number: int | None) -> str:
    if number is None:
        return UNKNOWN
    return f"{number / GIBIBYTE:.2f} GiB" if number >= GIBIBYTE // 10 else f"{number / 2**20:.1f} MiB"


def _joules(joules: float | None) -> str:
    return UNKNOWN if joules is None else f"{joules:.4g} J = {joules / 3.6e6:.4g} kWh"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(_text(cell) for cell in line)} |\n" for line in lines)


def _text(text: str) -> str:
    """One line without characters that mean something in Markdown tables, HTML or links."""
    escaped = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;")
    for character in "\\|`*[]":
        escaped = escaped.replace(character, f"\\{character}")
    return escaped
