"""What a two-stage run is: where its data lies, how both stages are trained, and how they are judged.

A YAML file with `output`, `recipe`, `data`, `defaults`, `stage1`, `stage2` and `evaluation`. A setting of a
stage is taken from, the last that names it: the recipe, `defaults`, the stage, `stage1.NAME=VALUE` on the
command line. Source of the recipes: formats.md 4.6 and 4.7; docs/forge.md says where they differ.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from screensmith.config.load import Resolved, SettingError, resolve_train_layers
from screensmith.config.spellings import TRAIN
from screensmith.config.train import TrainSettings

Stage = Literal[1, 2]
STAGES: tuple[Stage, ...] = (1, 2)
SECTIONS = ("data", "defaults", "stage1", "stage2", "evaluation")
COMMAND_LINE = Path("the command line")
Part = TypeVar("Part", bound=BaseModel)

# What both stages ask, and what the second adds to it.
WORDS: Mapping[str, Any] = {"reader": "forge", "prompt": "forge", "dialect": "forge"}
STAGE_WORDS: Mapping[Stage, Mapping[str, Any]] = {
    1: {"every_element": True},
    2: {"prompt_options": {"thinking": True}, "from_adapter": "merge"},
}
ADAPTER: Mapping[str, Any] = {"adapter": "qlora", "lora_rank_stabilised": True, "freeze_projector": True}
ADAPTERS: Mapping[Stage, Mapping[str, Any]] = {
    1: {**ADAPTER, "lora_r": 32, "lora_alpha": 64, "lora_dropout": 0.1, "save_adapter": True},
    2: {**ADAPTER, "lora_r": 16, "lora_alpha": 32, "lora_dropout": 0.05},
}
FORGE: Mapping[str, Any] = {
    "freeze_vision": True,
    "epochs": 1,
    "precision": "bf16",
    "optimizer": "paged_adamw_8bit",
    "gradient_checkpointing": "on",
    "max_tokens": 4096,
    "keep_last": 2,
}
FORGE_STAGES: Mapping[Stage, Mapping[str, Any]] = {
    1: {"lr": 1e-4, "batch": 2, "accum": 16, "save_steps": 2000},
    2: {"lr": 5e-5, "batch": 1, "accum": 32},
}
AGUVIS: Mapping[str, Any] = {
    "adapter": "none",
    "freeze_vision": True,
    "lr": 1e-5,
    "schedule": "cosine",
    "warmup_share": 0.03,
    "wd": 0.0,
    "batch": 2,
    "accum": 1,
    "epochs": 1,
    "precision": "bf16",
    "gradient_checkpointing": "on",
    "max_tokens": 8192,
    "min_visual_tokens": 256,
    "max_visual_tokens": 46 * 26,
    "keep_last": 2,
}
# What the pipeline decides itself, and where it is said instead.
DECIDED: Mapping[str, str] = {
    "output": "it is OUTPUT/stage1 and OUTPUT/stage2; name OUTPUT as `output`",
    "resume": "a run that was killed is always continued",
    "local": "say it as data.stage1 and data.stage2",
    "reader": "say it as data.stage1 and data.stage2",
    "reader_options": "say it as data.stage1 and data.stage2",
    "remote": "say it as data.stage1 and data.stage2",
    "train_dataset": "say it as data.stage1 and data.stage2",
    "train_csv": "say it as data.stage1 and data.stage2",
}


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class SourceSettings(_Strict):
    """Raw data that is converted, or the forge's own files, which are taken as they are."""

    reader: str = Field("aguvis", description="reader plug-in of root")
    root: str = Field("", description="folder or file that is converted to the forge's files")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the reader")
    processed: str = Field("", description="the forge's .jsonl file, or a folder with some")

    @model_validator(mode="after")
    def _one_of_two(self) -> Self:
        if bool(self.root) == bool(self.processed):
            raise ValueError("give `root`, which is converted, or `processed`, the forge's own files")
        if self.processed and (self.options or "reader" in self.model_fields_set):
            raise ValueError("`reader` and `options` belong to `root`; the forge's own files need none")
        return self


class DataSettings(_Strict):
    """Where the data of both stages lies."""

    stage1: SourceSettings
    stage2: SourceSettings


class StepsSettings(_Strict):
    """Recorded steps that neither stage has learned from."""

    reader: str = Field("aguvis", description="reader plug-in")
    root: str = Field(description="where they are")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the reader")
    limit: int = Field(0, ge=0, description="steps, in whole episodes; 0 for all")


class EvaluationSettings(_Strict):
    """How both stages are judged, on the same samples."""

    benchmark: str = Field("screenspot", description="benchmark plug-in")
    options: dict[str, Any] = Field(default_factory=dict, description="options of the benchmark")
    data: str = Field(description="folder of the benchmark's data set")
    limit: int = Field(0, ge=0, description="samples, spread over the data's cells; 0 for all")
    seed: int = Field(0, ge=0, description="which samples")
    batch: int = Field(16, ge=1, description="samples that are answered at a time")
    max_new_tokens: int = Field(512, ge=1, description="longer answers are cut off, and wrong")
    shown: int = Field(24, ge=0, description="screens on the page that compares the stages")
    steps: StepsSettings | None = Field(None, description="recorded steps to judge on as well")


@dataclass(frozen=True, slots=True)
class Forge:
    """A two-stage run."""

    output: Path
    recipe: str
    data: DataSettings
    evaluation: EvaluationSettings
    layers: Mapping[Stage, tuple[tuple[Mapping[str, Any], Path], ...]]

    def folder(self, step: str) -> Path:
        """Where a step of the run leaves its results."""
        return self.output / step

    def source(self, stage: Stage) -> SourceSettings:
        """The data of a stage."""
        return self.data.stage1 if stage == 1 else self.data.stage2

    def train_settings(self, stage: Stage, *, start: str = "") -> Resolved[TrainSettings]:
        """The settings of a stage's training.

        Args:
            stage: 1 or 2.
            start: the result of stage 1 that stage 2 starts from; "" where it is not there yet.

        Raises:
            SettingError: an unknown name, or a value that is not allowed.
        """
        source = self.source(stage)
        decided: dict[str, Any] = {
            "local": source.processed or str(self.folder("data") / f"stage{stage}"),
            "output": str(self.folder(f"stage{stage}")),
            "resume": True,
        }
        if stage == 2:
            decided["repo_id"] = start or str(self.folder("stage1") / "final")
        return resolve_train_layers([*self.layers[stage], (decided, Path("the forge"))])


def load_forge(path: Path, assignments: Sequence[str] = (), *, output: str = "") -> Forge:
    """A two-stage run from its file and `SECTION.NAME=VALUE` words of the command line.

    Args:
        path: of the YAML file.
        assignments: values that count instead of the file's.
        output: the folder of the run, "" for the file's.

    Raises:
        SettingError: the file cannot be read, or a name or value in it is wrong; the nearest is named.
    """
    given = _read(path)
    sections = {name: _section(given.pop(name, None), name, path) for name in SECTIONS}
    output = output or given.pop("output", "")
    given.pop("output", None)
    recipe = given.pop("recipe", "forge")
    if given:
        raise _unknown(next(iter(given)), ("output", "recipe", *SECTIONS), str(path))
    if not isinstance(output, str) or not output:
        raise SettingError(f"{path}: output must be a folder")
    words = _assigned(assignments)
    for name in ("data", "evaluation"):
        sections[name] = _with(sections[name], words.get(name, {}))
    forge = Forge(
        Path(output),
        str(recipe),
        _checked(DataSettings, sections["data"], "data", path),
        _checked(EvaluationSettings, sections["evaluation"], "evaluation", path),
        {stage: _layers(stage, str(recipe), sections, words, path) for stage in STAGES},
    )
    first, second = (forge.train_settings(stage).settings for stage in STAGES)
    if first.precision != second.precision:
        raise SettingError(
            f"{path}: precision is {first.precision} in stage 1 and {second.precision} in stage 2, but "
            "both run in one process, which has one; set it in defaults"
        )
    return forge


def _layers(
    stage: Stage,
    recipe: str,
    sections: Mapping[str, Mapping[str, Any]],
    words: Mapping[str, Mapping[str, Any]],
    path: Path,
) -> tuple[tuple[Mapping[str, Any], Path], ...]:
    name = f"stage{stage}"
    own = [sections["defaults"], sections[name], words.get("defaults", {}), words.get(name, {})]
    fields = {**TRAIN.by_field(), **TRAIN.by_variable()}
    for values in own:
        for key in values:
            field = fields[key].field if key in fields else key
            if field in DECIDED or (field == "repo_id" and stage == 2 and values is not own[0]):
                why = DECIDED.get(field, "stage 2 starts from stage 1's result")
                raise SettingError(f"{key} is decided by the forge: {why}")
    chosen = {key: value for values in own for key, value in values.items()}
    base = {**WORDS, **STAGE_WORDS[stage], **_recipe(recipe, stage, chosen, path)}
    named = [Path(f"defaults in {path}"), Path(f"{name} in {path}"), COMMAND_LINE, COMMAND_LINE]
    return ((base, Path(f"the recipe {recipe}")), *zip(own, named, strict=True))


def _recipe(recipe: str, stage: Stage, chosen: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The preset, without what does not go together with what is chosen instead."""
    if recipe == "aguvis":
        values = dict(AGUVIS)
        if "warmup_steps" in chosen:
            del values["warmup_share"]
        if {"shortest_edge", "longest_edge"} & chosen.keys():
            del values["min_visual_tokens"], values["max_visual_tokens"]
        return values
    if recipe != "forge":
        raise _unknown(recipe, ("forge", "aguvis"), f"{path}: recipe", "recipe")
    values = {**FORGE, **FORGE_STAGES[stage]}
    return values if chosen.get("adapter") == "none" else {**values, **ADAPTERS[stage]}


def _assigned(assignments: Sequence[str]) -> dict[str, dict[str, Any]]:
    """`stage1.lr=1e-4` as {"stage1": {"lr": "1e-4"}}; values are YAML for data and evaluation."""
    found: dict[str, dict[str, Any]] = {}
    for word in assignments:
        name, equals, value = word.partition("=")
        section, dot, key = name.partition(".")
        if not equals or not dot or not key:
            raise SettingError(f"--set takes SECTION.NAME=VALUE such as stage1.lr=1e-4, got {word!r}")
        if section not in SECTIONS:
            raise _unknown(section, SECTIONS, "--set", "section")
        if section in ("data", "evaluation"):
            try:
                found.setdefault(section, {})[key] = yaml.safe_load(value)
            except yaml.YAMLError as error:
                raise SettingError(f"--set {word}: the value cannot be read as YAML") from error
        else:
            found.setdefault(section, {})[key] = value
    return found


def _with(values: Mapping[str, Any], words: Mapping[str, Any]) -> dict[str, Any]:
    """The section with values from the command line; `steps.limit` is a name in a section of it."""
    changed = dict(values)
    for name, value in words.items():
        outer, dot, inner = name.partition(".")
        if not dot:
            changed[outer] = value
            continue
        below = changed.get(outer)
        changed[outer] = _with(below if isinstance(below, dict) else {}, {inner: value})
    return changed


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text("utf-8-sig")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        _refuse_duplicates(node, path)
        values = yaml.safe_load(text)
    except FileNotFoundError as error:
        raise SettingError(f"there is no file {path}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingError(f"cannot read {path}: {error}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}" if mark else ""
        raise SettingError(
            f"{path}{place}: not YAML: {getattr(error, 'problem', None) or error}"
        ) from error
    if not isinstance(values, dict):
        raise SettingError(f"{path}: expected `output`, `data`, `evaluation` and settings of the stages")
    return {str(key): value for key, value in values.items()}


def _refuse_duplicates(node: yaml.Node | None, path: Path) -> None:
    if not isinstance(node, yaml.MappingNode):
        return
    seen: set[str] = set()
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):
            raise SettingError(f"{path}, line {line}: a name must be a word")
        if key.value in seen:
            raise SettingError(f"{path}, line {line}: {key.value!r} is given twice")
        seen.add(key.value)
        _refuse_duplicates(value, path)


def _section(value: Any, name: str, path: Path) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise SettingError(f"{path}: {name} must have lines of `name: value` below it")
    return {str(key): one for key, one in value.items()}


def _checked(model: type[Part], values: Mapping[str, Any], name: str, path: Path) -> Part:
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        detail = error.errors()[0]
        place = ".".join([name, *(str(part) for part in detail["loc"])])
        if detail["type"] == "extra_forbidden":
            inner = _model_at(model, detail["loc"][:-1])
            raise _unknown(str(detail["loc"][-1]), tuple(inner.model_fields), f"{path}: {place}") from None
        said = str(detail["msg"]).removeprefix("Value error, ")
        raise SettingError(f"{path}: {place}: {said}") from None


def _model_at(model: type[BaseModel], place: Sequence[Any]) -> type[BaseModel]:
    inner: type[BaseModel] = model
    for part in place:
        annotation = inner.model_fields[str(part)].annotation
        inner = StepsSettings if annotation == StepsSettings | None else annotation  # type: ignore[assignment]
    return inner


def _unknown(name: str, known: Sequence[str], place: str, kind: str = "key") -> SettingError:
    near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.0)[0]
    return SettingError(f"{place}: unknown {kind} {name!r}; did you mean {near!r}?")
