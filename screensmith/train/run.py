"""A training run from settings to checkpoints."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from screensmith.config.agent_card import AgentCard
from screensmith.config.train import TrainSettings
from screensmith.core.sample import Sample
from screensmith.data.pixels import ImageGeometry
from screensmith.model import vision_cache
from screensmith.model.batch import Batch
from screensmith.model.encode import Encoder
from screensmith.model.forward import TokenLoss
from screensmith.model.load import LoadedModel
from screensmith.model.save import save_checkpoint
from screensmith.model.skipping import Skipping, skipping
from screensmith.model.unsuitable import UnsuitableModel
from screensmith.model.vision_cache import VisionCache
from screensmith.train import checkpoint
from screensmith.train.card import card_of
from screensmith.train.checkpoint import CannotResume, Progress
from screensmith.train.compute_log import TrainingCompute
from screensmith.train.examples import Examples, as_examples, check, read_examples
from screensmith.train.feed import StepDataset, steps_from
from screensmith.train.flops import step_flops
from screensmith.train.judging import Judge, Judging, Standing
from screensmith.train.loop import Machinery, attention_backend, run_steps
from screensmith.train.memory import MemoryPlan, choose_checkpointing, peak_report
from screensmith.train.plan import Plan, plan_run
from screensmith.train.sources import Stock
from screensmith.train.starting import starting_model
from screensmith.train.trackers import Tracker, open_trackers
from screensmith.train.weights import optimizer_of, prepare_weights

logger = logging.getLogger(__name__)
MEASURED_STEPS = 2  # whose memory is looked at before a run
# A change in one of these makes a continued run another run.
IDENTITY = (
    "repo_id seed shuffle batch accum epochs max_samples_per_epoch max_steps lr wd warmup_steps "
    "warmup_share schedule optimizer grad_clip history_steps prompt prompt_options dialect "
    "dialect_options adapter lora_r lora_alpha lora_dropout lora_targets lora_rank_stabilised "
    "freeze_vision freeze_projector freeze_language vision_lr projector_lr shortest_edge longest_edge "
    "row_tokens max_tokens skip_layers "
    "skip_ratio skip_threshold skip_random train_dataset train_json train_ratio random_sample "
    "record_sample uniform_sample steps_per_epoch min_visual_tokens max_visual_tokens num_turn "
    "joined_turns uniform_prompt shuffle_image_token xy_int text2point text2bbox point2text bbox2text "
    "crop_min crop_max interleaved_history learn_history beta1 beta2 train_csv task_start task_end "
    "held_out_share from_adapter reader reader_options every_element"
).split()


@dataclass(frozen=True, slots=True)
class TrainResult:
    """What a run left behind: the finished checkpoint, steps done, last loss, refused rows."""

    checkpoint: Path
    steps: int
    loss: float
    refused: str


def train(
    settings: TrainSettings,
    samples: Sequence[Sample] | None = None,
    *,
    after_step: Callable[[int], None] | None = None,
    judge: Judge | None = None,
) -> TrainResult:
    """Train as the settings say and write `epoch-N/` and `final/` into the output folder.

    Args:
        settings: the run.
        samples: what to learn from; None reads the episodes that the settings name.
        after_step: called with the number of steps done, after each.
        judge: scores the model on the way; the best checkpoint is then kept in `best/`.

    Raises:
        UnusableData: there is nothing to learn from, or too much was refused.
        UnsuitableModel: the base model cannot be used.
        CannotResume: the output holds checkpoints of another run, or of this one without `resume`.
    """
    from accelerate import Accelerator
    from accelerate.utils import set_seed

    output = Path(settings.output)
    _check_output(output, settings)
    set_seed(settings.seed)
    accelerator = Accelerator(mixed_precision=_mixed_precision(settings.precision))
    compute = TrainingCompute(output, accelerator)
    with compute.prepare():
        run, encoder = _prepare(settings, samples, accelerator, compute)
    with compute.run():
        steps, loss = run.go(encoder, after_step, judge)
    return TrainResult(output / checkpoint.FINAL, steps, loss, run.refused)


def _prepare(
    settings: TrainSettings, samples: Sequence[Sample] | None, accelerator: Any, compute: TrainingCompute
) -> tuple[_Run, Encoder]:
    """Read the data, load the model, check that they fit, and plan the steps."""
    given = read_examples(settings) if samples is None else as_examples(samples, settings)
    loaded = starting_model(settings)
    geometry = loaded.family.geometry(loaded.model.config, settings.min_pixels, settings.max_pixels)
    encoder = Encoder(loaded.family, loaded.processor.tokenizer, geometry)
    limit = settings.max_tokens or loaded.longest_text
    examples = check(given, settings, encoder, limit)
    card = card_of(settings, loaded, examples.sources, examples.fingerprints)
    prepare_weights(loaded, settings, precision=accelerator.mixed_precision, device=accelerator.device)
    sizes = [len(source.samples) for source in examples.sources]
    ratios = [source.ratio for source in examples.sources]
    plan = plan_run(settings, sizes, accelerator.num_processes, ratios)
    return _Run(settings, loaded, card, plan, accelerator, examples, compute), encoder


class _Run:
    """The parts of one run, put together."""

    def __init__(
        self,
        settings: TrainSettings,
        loaded: LoadedModel,
        card: AgentCard,
        plan: Plan,
        accelerator: Any,
        examples: Examples,
        compute: TrainingCompute,
    ) -> None:
        self.refused = examples.refusals.summary()
        self._compute = compute
        self._settings = settings
        self._output = Path(settings.output)
        self._loaded = loaded
        self._card = card
        self._plan = plan
        self._accelerator = accelerator
        self._examples = examples
        self._optimizer = optimizer_of(loaded, settings, device=accelerator.device)
        self._judging: Judging | None = None
        self._identity = {
            **{name: _plain(getattr(settings, name)) for name in IDENTITY},
            "data": dict(card.data_fingerprints),
            "samples": examples.samples,
        }

    def go(
        self,
        encoder: Encoder,
        after_step: Callable[[int], None] | None = None,
        judge: Judge | None = None,
    ) -> tuple[int, float]:
        """Train from the newest checkpoint, or from the beginning, to the end: steps done, last loss."""
        first_step, standing = self._resume()
        if judge is not None:
            self._judging = Judging(judge, self._settings, self._plan.steps_per_epoch, standing)
        selection = self._selection(encoder)
        cache = self._open_vision_cache(encoder.geometry)
        dataset = StepDataset(
            Stock(self._examples.sources, encoder.geometry, self._settings.seed),
            self._plan,
            encoder,
            row_tokens=self._settings.row_tokens,
            process=self._accelerator.process_index,
            vision_cache=cache,
            skipping=selection,
        )
        token_loss = TokenLoss(
            self._loaded.model,
            self._loaded.family,
            selecting_layers=selection.layers if selection else (),
            vision_cache=cache,
            merge=encoder.geometry.merge,
        )
        loss_module, optimizer = self._accelerator.prepare(token_loss, self._optimizer)
        logger.info(
            "training on %d samples: %d steps, from step %d",
            self._examples.samples,
            self._plan.steps,
            first_step,
        )
        memory_plan = self._plan_memory(token_loss, dataset, first_step)
        self._compute.continued(first_step)
        trackers = [*self._trackers(first_step), self._compute]
        try:
            steps, loss = run_steps(
                Machinery(self._accelerator, loss_module, optimizer),
                steps_from(dataset, first_step, self._settings.workers),
                plan=self._plan,
                settings=self._settings,
                first_step=first_step,
                trackers=trackers,
                operations_of=lambda batch: self._operations(batch, selection),
                after_step=lambda done: self._after_step(done, after_step, trackers),
            )
        finally:
            for tracker in trackers:
                tracker.close()
        if memory_plan is not None:
            logger.info("%s", peak_report(memory_plan))
        if selection is not None:
            logger.info("%s", selection.report(token_loss.skipped_by_layer))
        self._save(self._output / checkpoint.FINAL, state_at=None)
        return steps, loss

    def _selection(self, encoder: Encoder) -> Skipping | None:
        settings = self._settings
        return skipping(
            settings.skip_layers,
            settings.skip_ratio,
            settings.skip_threshold,
            geometry=encoder.geometry,
            layers=len(self._loaded.family.language(self._loaded.model).layers),
            random=settings.skip_random,
            seed=settings.seed,
        )

    def _plan_memory(
        self, token_loss: TokenLoss, dataset: StepDataset, first_step: int
    ) -> MemoryPlan | None:
        """What the first steps will need; they are laid out and one is passed through the model."""
        steps = range(first_step, min(first_step + MEASURED_STEPS, self._plan.steps))
        batches = [batch for step in steps for batch in dataset[step]]
        if not batches:
            return None
        device = self._accelerator.device

        def forward(batch: Batch) -> Any:
            with self._accelerator.autocast(), attention_backend(self._accelerator):
                return token_loss(batch.to(device))

        plan = choose_checkpointing(self._loaded, self._settings, batches, forward=forward, device=device)
        token_loss.skipped_by_layer.clear()
        return plan

    def _operations(self, batch: Batch, selection: Skipping | None) -> float:
        layers = selection.layers if selection else ()
        return step_flops(self._loaded.model, self._loaded.family, batch, selecting_layers=layers).total

    def _resume(self) -> tuple[int, Standing]:
        found = checkpoint.unfinished(self._output) if self._settings.resume else []
        if not found:
            return 0, Standing()
        logger.info("resuming from %s", found[-1])
        progress = checkpoint.restore(
            found[-1],
            model=self._loaded.model,
            optimizer=self._optimizer,
            identity=self._identity,
        )
        return progress.step, Standing(**progress.standing)

    def _trackers(self, first_step: int) -> list[Tracker]:
        if not self._accelerator.is_main_process:
            return []
        return open_trackers(
            self._settings.trackers,
            self._output,
            first_step=first_step,
            settings=self._settings.model_dump(mode="json"),
        )

    def _open_vision_cache(self, geometry: ImageGeometry) -> VisionCache | None:
        if not self._settings.vision_cache:
            return None
        model, family = self._loaded.model, self._loaded.family
        problem = vision_cache.why_not(model, family)
        if problem:
            raise UnsuitableModel(problem)
        precision = self._accelerator.mixed_precision
        identity = vision_cache.identity_of(model, family, geometry, precision)
        cache = VisionCache(Path(self._settings.vision_cache), identity)
        logger.info("vision cache: %s", cache.folder)
        return cache

    def _after_step(
        self, steps_done: int, told: Callable[[int], None] | None, trackers: Sequence[Tracker]
    ) -> bool:
        """Judge and save where it is time to; returns whether the run should stop."""
        if told is not None:
            told(steps_done)
        stop = self._judge(steps_done, trackers)
        self._save_if_due(steps_done)
        return stop

    def _judge(self, steps_done: int, trackers: Sequence[Tracker]) -> bool:
        judging = self._judging
        if judging is None or not judging.due(steps_done):
            return False
        decision = [False, False]  # better, stop
        if self._accelerator.is_main_process:

            def log(score: float) -> None:
                for tracker in trackers:
                    tracker.log(steps_done, {"score": score})

            with self._compute.judge(), self._accelerator.autocast():
                decision[0] = judging.score(
                    self._loaded, self._card, steps_done, log=log, count=self._compute.answered
                )
            decision[1] = judging.out_of_patience
        from accelerate.utils import broadcast_object_list

        better, stop = broadcast_object_list(decision)
        if better:
            self._save(self._output / checkpoint.BEST, state_at=None)
        return bool(stop)

    def _save_if_due(self, steps_done: int) -> None:
        settings, plan = self._settings, self._plan
        if steps_done % plan.steps_per_epoch == 0:
            name = f"epoch-{steps_done // plan.steps_per_epoch}"
        elif settings.save_steps and steps_done % settings.save_steps == 0:
            name = f"step-{steps_done}"
        else:
            return
        self._save(self._output / name, state_at=steps_done)
        if self._accelerator.is_main_process:
            checkpoint.prune(self._output, settings.keep_last)

    def _save(self, folder: Path, *, state_at: int | None) -> None:
        self._accelerator.wait_for_everyone()
        if not self._accelerator.is_main_process:
            return

        standing = self._judging.standing.record() if self._judging is not None else {}

        def write_state(aside: Path) -> None:
            if state_at is not None:
                checkpoint.write_state(
                    aside,
                    model=self._loaded.model,
                    optimizer=self._optimizer,
                    progress=Progress(state_at, self._identity, standing),
                )

        save_checkpoint(
            folder,
            model=self._loaded.model,
            processor=self._loaded.processor,
            card=self._card,
            dtype=self._loaded.stored_dtype,
            extra=write_state,
            adapter_only=self._settings.save_adapter,
        )
        logger.info("saved %s", folder)


def _check_output(output: Path, settings: TrainSettings) -> None:
    earlier = checkpoint.unfinished(output) if output.is_dir() else []
    if (output / checkpoint.FINAL).is_dir():
        earlier.append(output / checkpoint.FINAL)
    if earlier and not settings.resume:
        raise CannotResume(
            f"{output} holds checkpoints of an earlier run ({earlier[-1].name}): continue it with "
            "--resume, or choose another output folder (TRAIN_OUTPUT, --output)"
        )


def _mixed_precision(precision: str) -> str:
    """Accelerate's name for a precision; "auto" mixes on CUDA only, as the hardware allows."""
    if precision == "auto":
        if not torch.cuda.is_available():
            return "no"
        return "bf16" if torch.cuda.is_bf16_supported() else "fp16"
    return "no" if precision == "fp32" else precision


def _plain(value: Any) -> Any:
    """The value as JSON gives it back."""
    return list(value) if isinstance(value, tuple) else value
