"""The compute report of a run: JSON to be read by programs, a page for people, a row in a summary."""

from __future__ import annotations

import copy
import fcntl
import json
import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from screensmith.compute import _page, summary
from screensmith.compute.hardware import Gpu, Hardware, Software, hardware, software
from screensmith.compute.phases import COUNTERS, ComputeLog, Phase
from screensmith.compute.totals import totals_of

logger = logging.getLogger(__name__)
SCHEMA = "screensmith.compute_report"
VERSION = 1
STEM = "compute_report"
FINISHED, FAILED, KILLED = "finished", "failed", "killed"
UNFINISHED = f".{STEM}.unfinished.json"

Kind = TypeVar("Kind")


class UnreadableReport(ValueError):
    """A file that is no compute report, or one of another version."""


@dataclass(frozen=True, slots=True)
class Report:
    """What a run took, and on what.

    `status` is "finished", "failed" where a phase ended in an exception, or "killed". `began` and `ended`
    are ISO 8601 in UTC. `device` is the kind of the `devices`. `not_measured` maps what is unknown to why.
    """

    title: str
    status: str
    began: str
    ended: str
    device: str
    devices: int
    processes: int
    hardware: Hardware
    software: Software
    phases: tuple[Phase, ...]
    not_measured: dict[str, str]


@dataclass(frozen=True, slots=True)
class Written:
    """Where a report lies."""

    record: Path
    page: Path
    summary: Path


def report_of(log: ComputeLog, *, title: str) -> Report:
    """What a log has measured by now, and the machine that it was measured on."""
    missing = log.not_measured()
    machine = hardware()
    if machine.physical_cores is None:
        missing["physical cores"] = "the system does not say which of its processors share a core"
    phases = tuple(copy.deepcopy(log.phases))
    return Report(
        title=title.encode("utf-8", "backslashreplace").decode(
            "utf-8"
        ),  # half a character cannot be stored
        status=FAILED if any(phase.failures for phase in phases) else FINISHED,
        began=log.began.isoformat(timespec="seconds"),
        ended=datetime.now(UTC).isoformat(timespec="seconds"),
        device=log.device,
        devices=log.devices,
        processes=log.processes,
        hardware=machine,
        software=software(),
        phases=phases,
        not_measured=missing,
    )


def write_reports(folder: Path, log: ComputeLog, *, title: str) -> Written:
    """Write `compute_report.json` and `.md`, and append a row to `compute_report_summary.csv`.

    An earlier report in the folder is kept: the next is `compute_report-2.json`, and its row names it.
    Several processes may write at the same time.

    Args:
        folder: is made where it is missing.
        log: of the run; it may go on.
        title: of the run, one line for people.

    Raises:
        OSError: something could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = _store(folder, report_of(log, title=title))
    (folder / UNFINISHED).unlink(missing_ok=True)
    return written


def keep_unfinished(folder: Path, log: ComputeLog, *, title: str) -> None:
    """Keep what a run has taken by now, for `report_killed` should it never come to its report.

    Args:
        folder: where the report will be; one run at a time.
        log: of the run.
        title: as for `write_reports`, which throws away what is kept.

    Raises:
        OSError: it could not be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _write(folder / UNFINISHED, to_json(report_of(log, title=title)))


def report_killed(folder: Path) -> Written | None:
    """Write the report of a run that was killed in this folder, as far as it was kept; None without one.

    Raises:
        OSError: something could not be read or written.
        UnreadableReport: what is there was not written by `keep_unfinished`.
    """
    kept = folder / UNFINISHED
    if not kept.exists():
        return None
    report = read(kept)
    why = f"the run was killed after {report.ended}, when its figures were last kept"
    missing = {**report.not_measured, "the end of the run": why}
    written = _store(folder, replace(report, status=KILLED, not_measured=missing))
    kept.unlink()
    return written


def _store(folder: Path, report: Report) -> Written:
    with _only_one(folder):
        record, page = _free_names(folder)
        _write(record, to_json(report))
        _write(page, _page.page(report))
        table = summary.append(folder, summary.row_of(report, record.name))
    logger.info("compute report: %s", page)
    return Written(record, page, table)


def to_json(report: Report) -> str:
    """The report as JSON, with its totals and rates, which follow from the rest."""
    phases = []
    for phase in report.phases:
        rates = {f"{name}_per_second": phase.rate(name) for name in COUNTERS}
        phases.append({**asdict(phase), "derived": rates})
    record = {
        "schema": SCHEMA,
        "version": VERSION,
        **asdict(report),
        "phases": phases,
        "totals": asdict(totals_of(report.phases, report.devices, report.hardware.usable_cores)),
    }
    return json.dumps(record, indent=2, allow_nan=False) + "\n"


def read(path: Path) -> Report:
    """A report from its JSON file.

    Raises:
        UnreadableReport: the file holds something else; the message names the file and what is wrong.
    """
    try:
        record = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise UnreadableReport(f"{path} is not JSON: {error}") from error
    if not isinstance(record, dict) or record.get("schema") != SCHEMA:
        raise UnreadableReport(f"{path} is no compute report: its `schema` is not {SCHEMA!r}")
    if record.get("version") != VERSION:
        raise UnreadableReport(
            f"{path} is a compute report of version {record.get('version')!r}; "
            f"this screensmith reads version {VERSION}"
        )
    try:
        return _report_from(record)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableReport(f"{path} lacks a part of a compute report: {error}") from error


def _report_from(record: Mapping[str, Any]) -> Report:
    machine = record["hardware"]
    gpus = tuple(_of(Gpu, gpu) for gpu in machine["gpus"])
    return _of(
        Report,
        {
            **record,
            "hardware": _of(Hardware, {**machine, "gpus": gpus}),
            "software": _of(Software, record["software"]),
            "phases": tuple(_of(Phase, phase) for phase in record["phases"]),
        },
    )


def _of(kind: type[Kind], record: Mapping[str, Any]) -> Kind:
    """A dataclass from the values of its fields; others, which follow from them, are not needed."""
    names: list[str] = list(kind.__dataclass_fields__)  # type: ignore[attr-defined]
    return kind(**{name: record[name] for name in names})


@contextmanager
def _only_one(folder: Path) -> Iterator[None]:
    """Let one process at a time choose names in a folder; the lock ends with the process at the latest."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _free_names(folder: Path) -> tuple[Path, Path]:
    number = 1
    while True:
        stem = STEM if number == 1 else f"{STEM}-{number}"
        record, page = folder / f"{stem}.json", folder / f"{stem}.md"
        if not record.exists() and not page.exists():
            return record, page
        number += 1


def _write(path: Path, text: str) -> None:
    """Write aside and rename, so that there is all of the file or none."""
    aside = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        with aside.open("w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
