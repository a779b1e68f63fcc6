"""ShowUI's documented command lines: every option under its name, and the run that it asks for here."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from screensmith import plugins
from screensmith.config._showui_words import Draft, read_words, wrong
from screensmith.config.load import DEFAULT_SOURCE, Given, Resolved, SettingError
from screensmith.config.showui_options import OWN, TRAINING_SETS, options
from screensmith.config.train import TrainSettings
from screensmith.config.values import allowed, prepare, show

ANSWERED = 16  # samples at a time; answers do not depend on it
PICKLED = (".bin", ".pt", ".pth", ".ckpt")
DOCUMENTED_TESTS = {"aitw": "hf_test", "mind2web": "hf_test_full", "guiact": "hf_test_web-single"}
SCREENSPOT_NAMES = ("hf_test", "hf_test_full")
LIVE = "miniwob"
"""The one validation set that is played instead of read."""
SUPERVISED_PAST = ("vtvt", "tvtv", "vvtt")  # forms in which actions stand between two screenshots
CHECKPOINT = re.compile(r"(epoch|step)-\d+|best|final")
SEEING_TARGETS = (
    r".*(language_model|text_model).*\.(q_proj|k_proj|v_proj|o_proj|gate_proj|up_proj|down_proj)"
    r"|.*(visual|vision_model|connector)\..*"
)
"""Linear layers of the language model and of what sees; frozen parts are left out by `freeze_*`."""
RANGE = re.compile(r"\[\s*(\d+)\s*,\s*(\d+)\s*,\s*([01])\s*\]")


@dataclass(frozen=True, slots=True)
class ShowuiRun:
    """What a documented command line asks for.

    Args:
        resolved: the settings, and which option each came from.
        notes: sentences about options that do something else here than one may think.
        eval_only: score the model (`repo_id`) instead of training it.
        val_dataset: the benchmark, empty for none.
        val_json: its metadata name, empty for the documented ones.
        val_batch_size: samples of the benchmark that are answered at a time.
        max_new_tokens: longest answer, with `eval_only`.
        must_resume: a folder to go on in was named, so that it must hold a checkpoint.
        wandb_key: for Weights & Biases, empty for none.
    """

    resolved: Resolved[TrainSettings]
    notes: tuple[str, ...]
    eval_only: bool
    val_dataset: str
    val_json: str
    val_batch_size: int
    max_new_tokens: int
    must_resume: bool
    wandb_key: str = field(default="", repr=False)

    @property
    def settings(self) -> TrainSettings:
        """The settings of the run."""
        return self.resolved.settings


def showui_settings(words: Sequence[str]) -> ShowuiRun:
    """The run that a command line in ShowUI's words asks for; nothing but the command line counts.

    Args:
        words: `--name=value`, `--name value`, or `--name` for a flag, in any order; the last one wins.

    Raises:
        SettingError: an unknown option, or a value that is not allowed.
        screensmith.plugins.UnknownName: an unknown data set.
    """
    draft = Draft(read_words(words))
    for name in draft.written.keys() & options().keys():
        draft.value(name)  # also those without an effect must be written right
    for option in options().values():
        if option.field:
            draft.set(option.field, draft.value(option.name), option.name)
    for decide in (_model, _adapter, _data, _skipping, _questions, _optimisation, _results, _evaluation):
        decide(draft)
    _own(draft)
    idle = {name for name, option in options().items() if not option.has_effect}
    without = sorted(draft.written.keys() & idle)
    if without:
        draft.notes.append(f"without effect here: {', '.join('--' + name for name in without)}")
    eval_only = draft.flag("eval_only")
    return ShowuiRun(
        resolved=_checked(draft.given),
        notes=tuple(draft.notes),
        eval_only=eval_only,
        val_dataset=str(draft.given["eval_benchmark"].value),
        val_json=_metadata(draft),
        val_batch_size=draft.at_least_one("val_batch_size") if draft.has("val_batch_size") else ANSWERED,
        max_new_tokens=draft.at_least_one("max_new_tokens"),
        must_resume=bool(draft.text("resume")) and not eval_only,
        wandb_key=draft.text("wandb_key"),
    )


def _model(draft: Draft) -> None:
    model, version = draft.text("model_id"), draft.text("version")
    if draft.has("version") and version != model:
        if Path(version).suffix in PICKLED:
            raise SettingError(
                f"--version: {version!r} is a pickled file, and those are not loaded; give a folder with "
                "config.json and safetensors, or a hub name"
            )
        draft.set("repo_id", version, "version")
        draft.notes.append(f"--version: training starts from {version}, and --model_id is not loaded")
        draft.unused(["local_weight", "local_weight_dir"], "beside another --version")
    elif draft.flag("local_weight"):
        folder = Path(draft.text("local_weight_dir")) / model.removeprefix("Qwen/")
        draft.set("repo_id", str(folder), "local_weight")
    else:
        draft.set("repo_id", model, "model_id")
        draft.unused(["local_weight_dir"], "without --local_weight")


def _adapter(draft: Draft) -> None:
    tower = draft.flag("tune_visual_encoder")
    projector = tower or draft.flag("tune_visual_encoder_projector")
    draft.set("freeze_vision", not tower, "tune_visual_encoder")
    draft.set("freeze_projector", not projector, "tune_visual_encoder_projector", "tune_visual_encoder")
    if draft.flag("eval_only"):
        return
    if draft.value("lora_r"):
        draft.set("adapter", "qlora" if draft.flag("use_qlora") else "lora", "use_qlora", "lora_r")
        for name in ("lora_r", "lora_alpha", "lora_dropout"):
            draft.set(name, draft.value(name), name)
        if projector:  # the families' own choice stays in the language model
            draft.set(
                "lora_targets", SEEING_TARGETS, "tune_visual_encoder", "tune_visual_encoder_projector"
            )
        return
    draft.set("adapter", "none", "lora_r")
    for name in ("use_qlora", "freeze_lm_embed"):
        if draft.flag(name):
            raise SettingError(f"--{name} needs adapters: set --lora_r above 0, or remove it")
    draft.unused(["lora_alpha", "lora_dropout"], "with --lora_r=0")


def _data(draft: Draft) -> None:
    if draft.flag("eval_only"):
        return
    names = draft.entries("train_dataset")
    if not draft.has("train_dataset"):
        raise SettingError(f"give --train_dataset: one or more of {', '.join(TRAINING_SETS)}")
    for name in names:
        if name not in TRAINING_SETS:
            raise plugins.suggest("data set in --train_dataset", name, list(TRAINING_SETS))
    draft.set("train_dataset", tuple(names), "train_dataset")
    if draft.has("train_json"):
        draft.set("train_json", tuple(draft.entries("train_json")), "train_json")
    random = draft.flag("random_sample")
    draft.set("random_sample", random, "random_sample")
    if not random:
        draft.set("steps_per_epoch", 0, "random_sample")
        drawn = ["train_ratio", "record_sample", "uniform_sample", "steps_per_epoch"]
        draft.unused(drawn, "without --random_sample: each epoch is one pass over all samples")
        return
    draft.set("steps_per_epoch", draft.value("steps_per_epoch"), "steps_per_epoch")
    draft.set("record_sample", draft.flag("record_sample"), "record_sample")
    uniform = draft.flag("uniform_sample")
    draft.set("uniform_sample", uniform, "uniform_sample")
    if uniform:
        draft.unused(["train_ratio"], "with --uniform_sample")
    elif draft.has("train_ratio"):
        draft.set("train_ratio", tuple(_ratios(draft)), "train_ratio")


def _ratios(draft: Draft) -> list[float]:
    try:
        return [float(entry) for entry in draft.entries("train_ratio")]
    except ValueError:
        raise wrong("train_ratio", draft.text("train_ratio"), "numbers with commas between") from None


def _skipping(draft: Draft) -> None:
    graph, share_of_mask = draft.flag("uigraph_train"), draft.flag("uimask_pre")
    switch, layers = draft.value("lm_skip_ratio"), draft.text("lm_skip_layer")
    selects = _selects(layers) and graph and switch != 0
    if draft.flag("uigraph_rand"):
        raise SettingError("--uigraph_rand: components are never made at random here; remove it")
    draft.set("skip_layers", layers if selects else "", "lm_skip_layer", "lm_skip_ratio", "uigraph_train")
    share = draft.value("uimask_ratio") if share_of_mask else switch
    draft.set("skip_ratio", share, "uimask_ratio" if share_of_mask else "lm_skip_ratio")
    if not share_of_mask:
        draft.notes.append("--uimask_pre: off, so the share of skipped tokens is --lm_skip_ratio")
    draft.set("skip_when_answering", selects and draft.flag("uigraph_test"), "uigraph_test")
    if not graph:
        draft.notes.append("--uigraph_train: as there, it switches token selection OFF; =true leaves it on")
    if selects:
        draft.notes.append(f"--lm_skip_layer: the layers of {layers} skip {share:g} of redundant tokens")
    elif graph and (switch or draft.has("lm_skip_layer")):
        why = "selects in no layer" if switch else "does nothing without --lm_skip_ratio"
        draft.notes.append(
            f"--lm_skip_layer: {layers} {why}, so token selection is OFF, as it was there; for "
            "selection in every layer write --lm_skip_ratio=0.5 --lm_skip_layer='[1,28,1]'"
        )


def _selects(layers: str) -> bool:
    """Whether any layer selects; later ranges override earlier ones."""
    ranges = [(int(first), int(last), flag == "1") for first, last, flag in RANGE.findall(layers)]
    if not ranges or RANGE.sub("", layers).strip("[], ") or any(not 1 <= a <= b for a, b, _ in ranges):
        raise wrong("lm_skip_layer", layers, "ranges such as [2,2,1],[4,4,1], where layers count from 1")
    # What a layer does only changes where a range begins or after one ends.
    edges = {edge for first, last, _ in ranges for edge in (first, last + 1)}
    covering = ([flag for first, last, flag in ranges if first <= edge <= last] for edge in edges)
    return any(flags[-1] for flags in covering if flags)


def _questions(draft: Draft) -> None:
    turns, form = draft.value("num_turn"), draft.text("interleaved_history")
    draft.set("num_turn", turns, "num_turn")
    past = turns > 1 and draft.value("num_history") > 0 and form in SUPERVISED_PAST
    draft.set("learn_history", past, "num_turn")
    for tokens in ("min_visual_tokens", "max_visual_tokens"):
        draft.at_least_one(tokens)
    if turns > 1 and not draft.flag("eval_only"):
        learned = "; past actions in histories are learned, too" if past else ""
        draft.notes.append(
            f"--num_turn: up to {turns} questions about a screenshot, each for itself (--joined_turns asks "
            f"them in one conversation){learned}"
        )


def _optimisation(draft: Draft) -> None:
    draft.set("schedule", draft.value("warmup_type"), "warmup_type")
    checkpointing = "on" if draft.flag("gradient_checkpointing") else "auto"
    draft.set("gradient_checkpointing", checkpointing, "gradient_checkpointing")
    if draft.value("start_epoch"):
        raise SettingError("--start_epoch: a run goes on where its newest checkpoint stands; remove it")


def _results(draft: Draft) -> None:
    folder = Path(draft.text("log_base_dir")) / draft.text("exp_id")
    resumed = draft.text("resume")
    if resumed:
        folder = Path(resumed)
        folder = folder.parent if CHECKPOINT.fullmatch(folder.name) else folder
        draft.notes.append(f"--resume: goes on from the newest checkpoint in {folder}")
        draft.set("output", str(folder), "resume")
    else:
        draft.set("output", str(folder), "exp_id", "log_base_dir")
    draft.set("resume", bool(resumed) or draft.flag("auto_resume"), "resume", "auto_resume")
    if draft.flag("debug"):
        draft.set("trackers", (), "debug")
        draft.notes.append("--debug: no numbers are written, but checkpoints are")
    elif draft.text("wandb_key"):
        draft.set("trackers", ("jsonl", "tensorboard", "wandb"), "wandb_key")


def _evaluation(draft: Draft) -> None:
    name, only = draft.text("val_dataset"), draft.flag("eval_only")
    if only:
        draft.notes.append("--eval_only: nothing is trained, and options of training have no effect")
    elif draft.flag("no_eval"):
        draft.set("eval_benchmark", "", "no_eval")
        draft.unused(["val_dataset", "val_json"], "with --no_eval")
        return
    if name == LIVE:
        how = "it is played live, with `screensmith evaluate CHECKPOINT --benchmark miniwob`"
        if only:
            raise SettingError(f"--val_dataset={LIVE}: {how}")
        draft.set("eval_benchmark", "", "val_dataset")
        draft.notes.append(f"--val_dataset={LIVE}: {how}; nothing is scored on the way")
        return
    known = plugins.names("benchmarks")
    if name not in known:
        raise plugins.suggest("benchmark in --val_dataset", name, sorted({*known, LIVE}))
    draft.set("eval_benchmark", name, "val_dataset")
    draft.set("eval_limit", 0, "val_dataset")


def _own(draft: Draft) -> None:
    for name in OWN:
        if draft.has(name):
            annotation = TrainSettings.model_fields[name].annotation
            try:
                draft.set(name, prepare(annotation, draft.written[name]), name)
            except ValueError:
                raise SettingError(_must_be(name, Given(draft.written[name], f"--{name}"))) from None


def _checked(given: Mapping[str, Given]) -> Resolved[TrainSettings]:
    try:
        settings = TrainSettings.model_validate({name: item.value for name, item in given.items()})
    except ValidationError as error:
        details = error.errors()
        wrong = dict.fromkeys(str(detail["loc"][0]) for detail in details if detail["loc"])
        said = [_must_be(name, given[name]) for name in wrong]
        message = "; ".join(said) or str(details[0]["msg"]).removeprefix("Value error, ")
        raise SettingError(message) from None
    sources = {
        name: given[name].source if name in given else DEFAULT_SOURCE for name in TrainSettings.model_fields
    }
    return Resolved(settings, sources)


def _must_be(name: str, item: Given) -> str:
    value = item.value if isinstance(item.value, str) else show(item.value)
    return f"{item.source}: {value!r} must be {allowed(TrainSettings.model_fields[name])}"


def _metadata(draft: Draft) -> str:
    """The benchmark's metadata name: a test split, never the first file that is there."""
    name = draft.text("val_dataset")
    asked = draft.text("val_json") if draft.has("val_json") else DOCUMENTED_TESTS.get(name, "")
    # Documented under one name and released under the other: the reader takes what is there.
    return "" if name == "screenspot" and asked in SCREENSPOT_NAMES else asked
