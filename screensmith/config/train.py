"""What a training run on captured episodes is. Defaults are the documented ones."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

TOKEN_PIXELS = 28 * 28  # what one token of a Qwen2-VL image shows; the documented limits count in these


class TrainSettings(BaseModel):
    """Every option of `screensmith train`. Unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # data
    local: str = Field("./data/mds", description="folder with MDS episodes, or what another reader reads")
    reader: str = Field("mds", description="reader plug-in of local")
    reader_options: dict[str, Any] = Field(
        default_factory=dict, description="options of another reader than mds"
    )
    every_element: bool = Field(
        False, description="ask about every element of a screenshot, where it has some"
    )
    remote: str = Field("", description="s3:// or other remote folder with MDS episodes")
    endpoint: str = Field("", description="address of an S3 service such as R2 or MinIO, empty for AWS")
    cache: str = Field("./data/cache", description="where shards of a remote folder are kept")
    train_dataset: tuple[str, ...] = Field(
        (), description="data sets to learn from together, by the name of their reader; empty for local"
    )
    train_json: tuple[str, ...] = Field((), description="one metadata name for each data set")
    train_ratio: tuple[float, ...] = Field(
        (), description="one weight for each data set, with random_sample; empty for equal weights"
    )
    dataset_dir: str = Field("./data", description="folder that holds a folder for each data set")
    train_csv: str = Field(
        "", description="task_results.csv to learn from, with the preset for it; empty for local"
    )
    image_dir: str = Field("", description="folder of its images, empty for the file's own")
    task_start: int = Field(0, ge=0, description="first of its tasks, by number; 0 for all")
    task_end: int = Field(0, ge=0, description="last of its tasks, by number; 0 for all")
    random_sample: bool = Field(
        False, description="draw each sample's data set by its ratio, and then one of its samples"
    )
    record_sample: bool = Field(
        False, description="with random_sample: each sample of a data set once before any twice"
    )
    uniform_sample: bool = Field(
        False, description="with random_sample: ratios are the sizes of the data sets"
    )
    steps_per_epoch: int = Field(0, ge=0, description="optimizer steps of an epoch, 0 for one pass")
    max_samples_per_epoch: int = Field(0, ge=0, description="samples per epoch, 0 for all")
    history_steps: int = Field(0, ge=0, description="past actions shown in the prompt")
    pair: Literal["before", "nearest"] = Field("before", description="frame paired to an action")
    max_lag_seconds: float = Field(10.0, gt=0, description="oldest frame an action may have")
    max_refused_share: float = Field(
        0.2, ge=0, le=1, description="share of refused episodes and steps that stops the run"
    )
    held_out_share: float = Field(
        0.0, ge=0, lt=1, description="share of episodes or tasks that is not learned from but judged on"
    )
    # model
    repo_id: str = Field("showlab/ShowUI-2B", description="hub name or folder of the model")
    shortest_edge: int = Field(224, ge=1, description="edge of the smallest square area, pixels")
    min_visual_tokens: int = Field(
        0, ge=0, description="fewest tokens of an image, instead of shortest_edge; 0 for that"
    )
    max_visual_tokens: int = Field(
        0, ge=0, description="most tokens of an image, instead of longest_edge; 0 for that"
    )
    longest_edge: int = Field(1344, ge=1, description="edge of the largest square area, pixels")
    # grounding: questions about the elements of a screenshot
    num_turn: int = Field(0, ge=0, description="questions about a screenshot at a time, 0 for all")
    joined_turns: bool = Field(
        False, description="ask them in one conversation, instead of each for itself"
    )
    uniform_prompt: bool = Field(False, description="always the sentence that evaluation uses")
    shuffle_image_token: bool = Field(False, description="put the image before, between or after the text")
    xy_int: bool = Field(False, description="write places as whole numbers from 0 to 1000")
    text2point: float = Field(1.0, ge=0, description="weight of: which point has this text?")
    text2bbox: float = Field(0.0, ge=0, description="weight of: which box has this text?")
    point2text: float = Field(0.0, ge=0, description="weight of: which text is at this point?")
    bbox2text: float = Field(0.0, ge=0, description="weight of: which text is in this box?")
    crop_min: float = Field(1.0, gt=0, description="smallest random crop, of the screenshot's sides")
    crop_max: float = Field(1.0, gt=0, description="largest random crop; above 1 adds a white border")
    # navigation: what went before
    interleaved_history: Literal["tttt", "vvvv", "vtvt", "tvtv", "vvtt", "ttvv"] = Field(
        "tttt", description="past steps as texts of their actions (t) and as screenshots (v), in order"
    )
    learn_history: bool = Field(False, description="learn the past actions that are shown, too")
    prompt: str = Field("neko", description="prompt plug-in")
    prompt_options: dict[str, Any] = Field(default_factory=dict, description="options of the prompt")
    dialect: str = Field("neko", description="dialect plug-in")
    dialect_options: dict[str, Any] = Field(default_factory=dict, description="options of the dialect")
    adapter: Literal["none", "lora", "dora", "rslora", "qlora"] = Field(
        "none", description="none trains every weight"
    )
    from_adapter: Literal["refuse", "merge", "continue"] = Field(
        "refuse",
        description="where repo_id is an adapter: merge it into its base first, or let it learn on",
    )
    lora_r: int = Field(8, ge=1, description="rank of the LoRA matrices")
    lora_alpha: int = Field(16, ge=1, description="LoRA scale, divided by the rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="dropout before the LoRA matrices")
    lora_rank_stabilised: bool = Field(
        False, description="divide the scale by the root of the rank, also with qlora; adapter=rslora does"
    )
    lora_targets: str = Field(
        "auto", description="regular expression on module names; auto is the family's choice"
    )
    freeze_vision: bool = Field(
        False, description="keep the vision tower as it is; it gets no adapters either"
    )
    freeze_projector: bool = Field(
        False, description="keep the vision tower's projector as it is; it gets no adapters either"
    )
    freeze_language: bool = Field(
        False, description="keep the language model as it is; it gets no adapters either"
    )
    vision_cache: str = Field(
        "", description="folder for the features of a frozen vision tower, empty for none"
    )
    skip_layers: str = Field(
        "", description="layers that skip redundant image tokens, [start,end,1] from 1, empty for none"
    )
    skip_ratio: float = Field(0.5, ge=0, le=1, description="share of redundant tokens that is skipped")
    skip_threshold: float = Field(
        1.0, ge=0, description="largest colour distance between image cells that count as the same"
    )
    skip_random: bool = Field(False, description="skip random redundant tokens instead of evenly")
    skip_when_answering: bool = Field(False, description="skip them in evaluation and use as well")
    # optimisation
    epochs: int = Field(1, ge=1, description="passes over the samples")
    shuffle: bool = Field(True, description="another order each epoch; false takes samples as they come")
    batch: int = Field(1, ge=1, description="samples per forward pass and process")
    accum: int = Field(1, ge=1, description="forward passes per optimizer step")
    lr: float = Field(5e-6, gt=0, description="peak learning rate")
    vision_lr: float = Field(0.0, ge=0, description="peak rate of the vision tower, 0 for lr")
    projector_lr: float = Field(0.0, ge=0, description="peak rate of the projector, 0 for lr")
    wd: float = Field(0.0, ge=0, description="weight decay")
    warmup_steps: int = Field(0, ge=0, description="optimizer steps until the peak rate")
    warmup_share: float = Field(
        0.0, ge=0, lt=1, description="the same as a share of the run's steps, rounded up"
    )
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="learning rate after the warm-up"
    )
    optimizer: Literal["adamw", "paged_adamw_8bit"] = Field(
        "adamw", description="the other one keeps its state in 8 bits, in pages on a GPU (bitsandbytes)"
    )
    beta1: float = Field(0.9, ge=0, lt=1, description="AdamW's decay of the mean gradient")
    beta2: float = Field(0.999, ge=0, lt=1, description="AdamW's decay of the mean squared gradient")
    grad_clip: float = Field(1.0, ge=0, description="largest gradient norm, 0 for no limit")
    max_steps: int = Field(0, ge=0, description="optimizer steps, 0 for no limit")
    precision: Literal["auto", "fp32", "bf16", "fp16"] = Field(
        "auto", description="auto is mixed precision on CUDA and the default one elsewhere"
    )
    gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto", description="language model: less memory for more time; auto where memory is short"
    )
    vision_gradient_checkpointing: Literal["auto", "on", "off"] = Field(
        "auto", description="the same for the vision tower"
    )
    row_tokens: int = Field(1024, ge=1, description="token budget when samples of a batch share a row")
    max_tokens: int = Field(
        0, ge=0, description="longest sample, longer ones are refused; 0 for what the model can hold"
    )
    seed: int = Field(1337, ge=0, description="decides order, new weights and dropout")
    # judging on the way
    eval_benchmark: str = Field("", description="benchmark to score while training, empty for none")
    eval_data: str = Field("", description="the benchmark's folder; empty for the one in dataset_dir")
    eval_steps: int = Field(0, ge=0, description="optimizer steps between scores, 0 for each epoch")
    eval_limit: int = Field(200, ge=0, description="samples of the benchmark, always the same; 0 for all")
    eval_patience: int = Field(
        0, ge=0, description="stop after so many scores without a better one, 0 for never"
    )
    # results
    output: str = Field("./checkpoints", description="folder for checkpoints and metrics")
    save_steps: int = Field(0, ge=0, description="optimizer steps between saves, 0 for each epoch")
    save_adapter: bool = Field(
        False, description="save adapters beside the name of their base, instead of merged into it"
    )
    keep_last: int = Field(0, ge=0, description="epoch and step checkpoints to keep, 0 for all")
    resume: bool = Field(False, description="continue from the newest checkpoint in output")
    loglevel: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="least important message that is printed"
    )
    log_format: Literal["text", "json"] = Field("text", description="json prints one object a line")
    trackers: tuple[Literal["jsonl", "tensorboard", "wandb"], ...] = Field(
        ("jsonl", "tensorboard"), description="where metrics are written"
    )
    workers: int = Field(0, ge=0, description="processes that prepare batches")

    @property
    def min_pixels(self) -> int:
        """The smallest area that an image is seen at."""
        return self.min_visual_tokens * TOKEN_PIXELS or self.shortest_edge**2

    @property
    def max_pixels(self) -> int:
        """The largest area that an image is seen at."""
        return self.max_visual_tokens * TOKEN_PIXELS or self.longest_edge**2

    @property
    def judged_on_tasks(self) -> bool:
        """Whether the tasks kept back from `train_csv` are what the run is judged on."""
        return bool(self.train_csv and self.held_out_share and not self.eval_benchmark)

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        if self.shortest_edge > self.longest_edge:
            raise ValueError(
                f"shortest_edge ({self.shortest_edge}) must not exceed longest_edge ({self.longest_edge})"
            )
        if self.min_pixels > self.max_pixels:
            raise ValueError(
                f"images would have at least {self.min_pixels} and at most {self.max_pixels} pixels: "
                "set both min_visual_tokens and max_visual_tokens, or neither"
            )
        self._check_mixture()
        self._check_task_results()
        self._check_reader()
        self._check_judging()
        self._check_weights()
        return self

    def _check_weights(self) -> None:
        if self.warmup_steps and self.warmup_share:
            raise ValueError("warmup_steps and warmup_share say the same; give one of them")
        if self.save_adapter and self.adapter == "none":
            raise ValueError("save_adapter has no effect without adapter=lora (or dora, rslora, qlora)")
        fields = type(self).model_fields
        unused = [name for name in fields if name.startswith("lora_")]
        unused = [name for name in unused if getattr(self, name) != fields[name].default]
        if self.adapter == "none" and unused:
            raise ValueError(
                f"{unused[0]} has no effect without adapter=lora (or dora, rslora, qlora); "
                "set adapter or remove it"
            )
        if self.freeze_vision and self.freeze_projector and self.freeze_language:
            raise ValueError(
                "freeze_vision, freeze_projector and freeze_language together leave nothing to learn; "
                "remove one of them"
            )
        for part in ("vision", "projector"):
            if getattr(self, f"{part}_lr") and getattr(self, f"freeze_{part}"):
                raise ValueError(f"{part}_lr has no effect with freeze_{part}; remove one of them")

    def _check_judging(self) -> None:
        if not self.eval_benchmark and not self.judged_on_tasks:
            alone = [name for name in ("eval_steps", "eval_patience") if getattr(self, name)]
            if alone:
                raise ValueError(f"{alone[0]} has no effect without eval_benchmark; name one or remove it")

    def _check_reader(self) -> None:
        if self.reader == "mds" and self.reader_options:
            raise ValueError("reader_options belong to another reader than mds; remove them or name one")
        if self.reader != "mds" and self.remote:
            raise ValueError(f"remote is read by the reader mds only; remove it, or reader={self.reader}")

    def _check_task_results(self) -> None:
        if self.train_csv and (self.train_dataset or self.remote):
            raise ValueError("train_csv stands for itself; remove it, or train_dataset and remote")
        if not self.train_csv:
            for name in ("task_start", "task_end"):
                if getattr(self, name):
                    raise ValueError(f"{name} has no effect without train_csv; name one or remove it")
        if self.task_end and self.task_start > self.task_end:
            raise ValueError(f"task_start ({self.task_start}) must not exceed task_end ({self.task_end})")

    def _check_mixture(self) -> None:
        for name in ("train_json", "train_ratio"):
            values = getattr(self, name)
            if values and len(values) != len(self.train_dataset):
                raise ValueError(
                    f"{name} has {len(values)} entries for {len(self.train_dataset)} data sets in "
                    "train_dataset; give one for each"
                )
        if any(ratio <= 0 for ratio in self.train_ratio):
            raise ValueError("every train_ratio must be above 0; leave a data set out instead")
        for name in ("record_sample", "uniform_sample"):
            if getattr(self, name) and not self.random_sample:
                raise ValueError(f"{name} has no effect without random_sample; add that or remove it")
        if self.uniform_sample and self.train_ratio:
            raise ValueError("uniform_sample takes the sizes as ratios; remove it or train_ratio")
        if self.text2point + self.text2bbox + self.point2text + self.bbox2text <= 0:
            raise ValueError("one of text2point, text2bbox, point2text and bbox2text must be above 0")
        if self.crop_min > self.crop_max:
            raise ValueError(f"crop_min ({self.crop_min}) must not exceed crop_max ({self.crop_max})")
