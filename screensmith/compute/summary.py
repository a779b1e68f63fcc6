"""`compute_report_summary.csv`: one row for each run, all with the same columns."""

from __future__ import annotations

import csv
import fcntl
import io
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from screensmith.compute.totals import totals_of

if TYPE_CHECKING:
    from screensmith.compute.report import Report

logger = logging.getLogger(__name__)
STEM = "compute_report_summary"
# Beside the total, so that tables of runs can be made without opening the reports.
PHASES = ("train", "evaluate", "infer")
TOTALS = (
    "wall_seconds device_hours device_hours_held cpu_core_hours_measured cpu_core_hours_available "
    "peak_memory_bytes peak_device_memory_bytes tokens images samples operations tokens_per_second "
    "images_per_second cpu_energy_joules gpu_energy_joules"
).split()
VERSIONS = ("screensmith", "python", "torch", "transformers")
COLUMNS = (
    *("began", "ended", "title", "status", "report", "cpu", "gpus", "device", "devices"),
    *TOTALS,
    *(f"{name}_seconds" for name in PHASES),
    *(f"{name}_version" for name in VERSIONS),
)
# What spreadsheets take for the beginning of a formula (OWASP, "CSV injection"), and our own mark.
NOT_FIRST = ("=", "+", "-", "@", "\t", "\r", "\n", "'")


def row_of(report: Report, name: str) -> dict[str, str]:
    """The row of a report whose JSON file has this name; an empty cell is a figure that is not known."""
    totals = totals_of(report.phases, report.devices, report.hardware.usable_cores)
    seconds = {phase.name: phase.wall_seconds for phase in report.phases}
    texts = {
        "began": report.began,
        "ended": report.ended,
        "title": report.title,
        "status": report.status,
        "report": name,
        "cpu": report.hardware.cpu,
        "gpus": "; ".join(gpu.name for gpu in report.hardware.gpus),
        "device": report.device,
        "devices": str(report.devices),
    }
    numbers = {column: getattr(totals, column) for column in TOTALS}
    numbers |= {f"{phase}_seconds": seconds.get(phase) for phase in PHASES}
    versions = {f"{package}_version": getattr(report.software, package) for package in VERSIONS}
    return {**texts, **{key: "" if n is None else repr(n) for key, n in numbers.items()}, **versions}


def append(folder: Path, row: dict[str, str]) -> Path:
    """Append a row to the folder's summary; returns the file that has it.

    A file of that name with other columns stays as it is; the row then goes into
    `compute_report_summary-2.csv`, and so on, and a warning says so. Several processes may append.
    """
    number = 1
    while True:
        path = folder / (f"{STEM}.csv" if number == 1 else f"{STEM}-{number}.csv")
        if _append(path, row):
            return path
        logger.warning("%s has other columns and is left as it is", path)
        number += 1


def read_summary(path: Path) -> list[dict[str, str]]:
    """The rows of a summary, with the marks before formulas taken off again."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = [[_unguarded(cell) for cell in row] for row in csv.reader(file)]
    if not rows or tuple(rows[0]) != COLUMNS:
        raise ValueError(f"{path} does not have the columns of a compute summary")
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows[1:]]


def _append(path: Path, row: dict[str, str]) -> bool:
    """Append a row in one write, after the header where there is none; False: it has other columns."""
    handle = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o666)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        text = _line([row[column] for column in COLUMNS])
        if size:
            header = _line(list(COLUMNS))
            if os.pread(handle, len(header), 0) != header:
                return False
            if os.pread(handle, 1, size - 1) != b"\n":  # a row that a crash cut short
                text = b"\r\n" + text
        else:
            text = _line(list(COLUMNS)) + text
        while text:
            text = text[os.write(handle, text) :]
        os.fsync(handle)
        return True
    finally:
        os.close(handle)


def _line(cells: list[str]) -> bytes:
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow([_guarded(cell) for cell in cells])
    return buffer.getvalue().encode("utf-8", "backslashreplace")


def _guarded(cell: str) -> str:
    """The cell, with a mark before what a spreadsheet would execute."""
    return f"'{cell}" if cell.startswith(NOT_FIRST) else cell


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") else cell
