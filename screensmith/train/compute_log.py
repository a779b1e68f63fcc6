"""The compute report of a training run: its phases, and what its steps counted."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from screensmith.compute.phases import ComputeLog
from screensmith.compute.report import UnreadableReport, keep_unfinished, report_killed, write_reports
from screensmith.model.spent import Spent

logger = logging.getLogger(__name__)
KEEP_EVERY_SECONDS = 60.0  # what a killed run may have done unseen


class TrainingCompute:
    """Measures a run in each of its processes, and writes what it took in the main one.

    It is a tracker, too: what the loop logs of a step is added to the phase that runs. What was measured is
    kept on the way; the next run in the folder makes the report of one that was killed.

    Args:
        output: the run's folder, where the report is written; its name is the report's title.
        accelerator: of the run; each of its processes has one device.
    """

    def __init__(self, output: Path, accelerator: Any) -> None:
        processes = accelerator.num_processes
        self._output = output
        self._accelerator = accelerator
        self._log = ComputeLog(processes, processes=processes, device=accelerator.device.type)
        self._steps = 0
        self._kept_at: float | None = None

    @contextmanager
    def run(self) -> Iterator[None]:
        """The training itself; what it took is written after a failure, too, if a step had been done."""
        try:
            with self._log.phase("train"):
                yield
        except BaseException:
            self._write_anyway()
            raise
        self._gather()
        if self._accelerator.is_main_process:
            self._write()

    def prepare(self) -> AbstractContextManager[None]:
        """Loading the model, and reading and checking the data."""
        return self._log.phase("prepare")

    def continued(self, first_step: int) -> None:
        """Say that the run goes on from a checkpoint of another."""
        if first_step:
            self._log.note(
                "earlier steps",
                f"the run was continued from step {first_step}; what led there is in the reports of the "
                "runs that did it",
            )
        if self._accelerator.is_main_process:
            with _only_warned("the compute report of the run that was killed here"):
                report_killed(self._output)

    def judge(self) -> AbstractContextManager[None]:
        """Judging the model, on the main process's device while the others wait."""
        return self._log.phase("evaluate", devices=1)

    def answered(self, spent: Spent) -> None:
        """Add what answering took while the model was judged."""
        self._log.count(tokens=spent.tokens, images=spent.images, operations=spent.operations)

    def log(self, step: int, values: dict[str, float]) -> None:  # noqa: ARG002 - a tracker's
        """Add a step's numbers: tokens, images and operations of this process, samples of all."""
        if "teraflop" not in values:  # a judgement's score
            return
        self._steps += 1
        self._log.count(
            tokens=int(values["tokens"]),
            images=int(values["images"]),
            samples=int(values["samples"]) if self._accelerator.is_main_process else None,
            operations=values["teraflop"] * 1e12,
        )
        self._keep_if_due()

    def close(self) -> None:
        """Nothing is left to write."""

    def _gather(self) -> None:
        if self._accelerator.num_processes == 1:
            return
        from accelerate.utils import gather_object

        records = gather_object([self._log.record()])
        own = self._accelerator.process_index
        self._log.join([record for number, record in enumerate(records) if number != own])

    def _write_anyway(self) -> None:
        """Write while an error is on its way, which must not be replaced by another."""
        if not self._steps or not self._accelerator.is_main_process:
            return
        with _only_warned("the compute report of the failed run"):
            self._write()

    def _keep_if_due(self) -> None:
        if not self._accelerator.is_main_process:
            return
        now = time.monotonic()
        if self._kept_at is None or now - self._kept_at > KEEP_EVERY_SECONDS:
            self._kept_at = now
            with _only_warned("what the run has taken by now"):
                keep_unfinished(self._output, self._log, title=self._title)

    def _write(self) -> None:
        write_reports(self._output, self._log, title=self._title)

    @property
    def _title(self) -> str:
        return f"training of {self._output.name}"


@contextmanager
def _only_warned(what: str) -> Iterator[None]:
    """A report that cannot be written or read is no reason to end a training."""
    try:
        yield
    except (OSError, UnreadableReport) as error:
        logger.warning("%s could not be written: %s", what, error)
