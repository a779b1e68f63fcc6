"""Where a run's numbers go: JSON lines always at hand, TensorBoard, and W&B when asked for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import IO, Any, Protocol

METRICS_FILE = "metrics.jsonl"


class Tracker(Protocol):
    """Receives the numbers of each optimizer step."""

    def log(self, step: int, values: dict[str, float]) -> None:
        """Record the values of a step, counted from 1."""

    def close(self) -> None:
        """Write out what is left."""


class JsonLinesTracker:
    """`metrics.jsonl`: one object a step. A resumed run drops the lines of steps it does again."""

    def __init__(self, folder: Path, first_step: int) -> None:
        path = folder / METRICS_FILE
        kept = [record for record in read_metrics(path) if record["step"] <= first_step]
        path.write_text("".join(json.dumps(record) + "\n" for record in kept), encoding="utf-8")
        self._file: IO[str] = path.open("a", encoding="utf-8", buffering=1)

    def log(self, step: int, values: dict[str, float]) -> None:
        """Append one line."""
        self._file.write(json.dumps({"step": step, **values}) + "\n")

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class TensorBoardTracker:
    """Event files in `tensorboard/`."""

    def __init__(self, folder: Path, first_step: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer = SummaryWriter(str(folder / "tensorboard"), purge_step=first_step + 1)

    def log(self, step: int, values: dict[str, float]) -> None:
        """Add each value as a scalar under `train/`."""
        for name, value in values.items():
            self._writer.add_scalar(f"train/{name}", value, step)

    def close(self) -> None:
        """Flush the events."""
        self._writer.close()


class WandbTracker:
    """A Weights & Biases run; needs the `wandb` extra."""

    def __init__(self, folder: Path, settings: dict[str, Any]) -> None:
        try:
            import wandb
        except ImportError as error:
            raise ValueError("tracker wandb needs the package: pip install 'screensmith[wandb]'") from error
        self._run = wandb.init(project="screensmith", dir=str(folder), config=settings)

    def log(self, step: int, values: dict[str, float]) -> None:
        """Send the values."""
        self._run.log(values, step=step)

    def close(self) -> None:
        """Finish the run."""
        self._run.finish()


def open_trackers(
    names: Sequence[str], folder: Path, *, first_step: int, settings: dict[str, Any]
) -> list[Tracker]:
    """The trackers a run asked for, ready to receive steps after `first_step`."""
    folder.mkdir(parents=True, exist_ok=True)
    makers: dict[str, Any] = {
        "jsonl": lambda: JsonLinesTracker(folder, first_step),
        "tensorboard": lambda: TensorBoardTracker(folder, first_step),
        "wandb": lambda: WandbTracker(folder, settings),
    }
    return [makers[name]() for name in names]


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """The records of a `metrics.jsonl`, without a last line that a crash cut short."""
    if not path.is_file():
        return []
    records = []
    for line in path.read_text("utf-8").splitlines():
        try:
            records.append(json.loads(line))
        except ValueError:
            break
    return records
