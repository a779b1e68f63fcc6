"""What a training run on captured episodes is. Defaults are the documented ones."""

from __future__ import annotations

from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TrainSettings(BaseModel):
    """Every option of `screensmith train`. Unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    # data
    local: str = Field("./data/mds", description="folder with MDS episodes")
    remote: str = Field("", description="s3:// or other remote folder with MDS episodes")
    endpoint: str = Field("", description="address of an S3 service such as R2 or MinIO, empty for AWS")
    cache: str = Field("./data/cache", description="where shards of a remote folder are kept")
    max_samples_per_epoch: int = Field(0, ge=0, description="samples per epoch, 0 for all")
    history_steps: int = Field(0, ge=0, description="past actions shown in the prompt")
    pair: Literal["before", "nearest"] = Field("before", description="frame paired to an action")
    max_lag_seconds: float = Field(10.0, gt=0, description="oldest frame an action may have")
    max_refused_share: float = Field(
        0.2, ge=0, le=1, description="share of refused episodes and steps that stops the run"
    )
    held_out_share: float = Field(0.0, ge=0, lt=1, description="episodes kept for evaluation")
    # model
    repo_id: str = Field("showlab/ShowUI-2B", description="hub name or folder of the model")
    shortest_edge: int = Field(224, ge=1, description="edge of the smallest square area, pixels")
    longest_edge: int = Field(1344, ge=1, description="edge of the largest square area, pixels")
    prompt: str = Field("neko", description="prompt plug-in")
    prompt_options: dict[str, Any] = Field(default_factory=dict, description="options of the prompt")
    dialect: str = Field("neko", description="dialect plug-in")
    dialect_options: dict[str, Any] = Field(default_factory=dict, description="options of the dialect")
    adapter: Literal["none", "lora", "dora", "rslora", "qlora"] = Field(
        "none", description="none trains every weight"
    )
    lora_r: int = Field(8, ge=1, description="rank of the LoRA matrices")
    lora_alpha: int = Field(16, ge=1, description="LoRA scale, divided by the rank")
    lora_dropout: float = Field(0.05, ge=0, lt=1, description="dropout before the LoRA matrices")
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
    schedule: Literal["constant", "linear", "cosine"] = Field(
        "constant", description="learning rate after the warm-up"
    )
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
    # results
    output: str = Field("./checkpoints", description="folder for checkpoints and metrics")
    save_steps: int = Field(0, ge=0, description="optimizer steps between saves, 0 for each epoch")
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

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        if self.shortest_edge > self.longest_edge:
            raise ValueError(
                f"shortest_edge ({self.shortest_edge}) must not exceed longest_edge ({self.longest_edge})"
            )
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
        return self
