"""What several processes of one launch do between trainings: one works, the others wait."""

from __future__ import annotations

import gc
import os
from datetime import timedelta

import torch

LONGEST_WAIT = timedelta(days=14)  # converting data and answering a benchmark may take long


class Together:
    """The processes that `accelerate launch`, `torchrun` or nobody started together."""

    def __init__(self) -> None:
        self._state = None
        if int(os.environ.get("WORLD_SIZE", "1")) > 1:
            from accelerate import PartialState
            from accelerate.utils import parse_flag_from_env

            on_cpu = parse_flag_from_env("ACCELERATE_USE_CPU")  # as the training's own Accelerator does
            self._state = PartialState(cpu=on_cpu, timeout=LONGEST_WAIT)

    @property
    def first(self) -> bool:
        """Whether this process is the one that works while others wait."""
        return self._state is None or bool(self._state.is_main_process)

    def wait(self) -> None:
        """Go on when all processes have come here."""
        if self._state is not None:
            self._state.wait_for_everyone()


def forget_training() -> None:
    """Give back the memory that a finished training held, before the next one or an evaluation."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
