"""What each step of a two-stage run does: data, two trainings, their evaluations, and the comparison."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._forge_steps import Inputs, Step, StepProblem, Steps

if TYPE_CHECKING:
    from screensmith.config.forge import Forge, SourceSettings, Stage
    from screensmith.config.train import TrainSettings

DATA, COMPARE = "data", "compare"
PAGE = "comparison.html"
TRAININGS: Mapping[Stage, str] = {1: "stage1", 2: "stage2"}
EVALUATIONS: Mapping[Stage, str] = {1: "evaluate1", 2: "evaluate2"}
SAID: Mapping[Stage, str] = {1: "the grounding stage", 2: "the reasoning stage"}
# Where results go, what is printed, and how fast they come, do not change them.
NO_INPUTS = (
    "output resume local repo_id loglevel log_format trackers workers keep_last save_steps vision_cache "
    "gradient_checkpointing vision_gradient_checkpointing cache"
).split()


def steps_of(forge: Forge) -> Steps:
    """The steps of a run, in order."""
    every = [Step(DATA, (), functools.partial(_data_inputs, forge), functools.partial(_prepare, forge))]
    for stage in TRAININGS:
        before = (TRAININGS[1],) if stage == 2 else ()
        every.append(
            Step(
                TRAININGS[stage],
                before,
                functools.partial(_train_inputs, forge, stage),
                functools.partial(_train, forge, stage),
                costly=True,
                everybody=True,
            )
        )
        every.append(
            Step(
                EVALUATIONS[stage],
                (TRAININGS[stage],),
                functools.partial(_evaluation_inputs, forge),
                functools.partial(_evaluate, forge, stage),
            )
        )
    every.append(
        Step(
            COMPARE,
            tuple(EVALUATIONS.values()),
            lambda: {"shown": forge.evaluation.shown},
            functools.partial(_compare, forge),
        )
    )
    return Steps(forge.output, every)


def result_of(forge: Forge, stage: Stage) -> Path:
    """The checkpoint that a stage's training left: the best where it was judged, else the final one.

    Raises:
        StepProblem: there is none.
    """
    folder = forge.folder(TRAININGS[stage])
    settings = forge.train_settings(stage).settings
    if settings.eval_benchmark and (folder / "best").is_dir():
        return folder / "best"
    if (folder / "final").is_dir():
        return folder / "final"
    raise StepProblem(f"{folder} holds no finished model: `screensmith forge run` trains stage {stage}")


def settings_of(forge: Forge, stage: Stage) -> TrainSettings:
    """The settings of a stage's training; stage 2 starts from what stage 1 left."""
    start = str(result_of(forge, 1)) if stage == 2 else ""
    return forge.train_settings(stage, start=start).settings


def write_run_file(forge: Forge, stage: Stage) -> Path:
    """Write what `screensmith train` needs to do a stage's training alone."""
    import yaml

    settings = forge.train_settings(stage).settings if stage == 1 else settings_of(forge, stage)
    plain = settings.model_dump(mode="json", exclude_defaults=True)
    path = forge.output / f"{TRAININGS[stage]}.yaml"
    first = f"# Stage {stage} alone: `screensmith train {path}`. Written by `screensmith forge run`.\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.write_text(first + yaml.safe_dump(plain, sort_keys=False, allow_unicode=True), "utf-8")
    new.replace(path)
    return path


# --- Data. ---


def _data_inputs(forge: Forge) -> Inputs:
    found: dict[str, Any] = {}
    for stage in TRAININGS:
        source = forge.source(stage)
        found[f"data.stage{stage}"] = source.model_dump(mode="json", exclude_defaults=True)
        found[f"data.stage{stage}: hash"] = _fingerprint(source)
    return found


def _fingerprint(source: SourceSettings) -> str:
    from screensmith.config.load import SettingError

    if source.processed:
        return _forge_fingerprint(source.processed)
    from screensmith import plugins

    module = plugins.load("readers", source.reader)
    options = plugins.check_options(module.read, source.options, f"reader {source.reader}")
    known = plugins.options_of(module.fingerprint)
    try:
        return str(
            module.fingerprint(
                source.root, **{name: value for name, value in options.items() if name in known}
            )
        )
    except ValueError as problem:
        raise SettingError(f"data: {problem}") from problem


def _forge_fingerprint(place: str) -> str:
    from screensmith.config.load import SettingError
    from screensmith.readers import forge as reader

    try:
        return reader.fingerprint(place)
    except ValueError as problem:
        raise SettingError(f"data: {problem}") from problem


def _prepare(forge: Forge, folder: Path) -> Mapping[str, Any]:
    said: dict[str, Any] = {}
    for stage in TRAININGS:
        source = forge.source(stage)
        if source.processed:
            said[f"stage {stage}"] = f"as it is: {source.processed}"
        else:
            said[f"stage {stage}"] = _convert(source, folder / f"stage{stage}")
    return said


def _convert(source: SourceSettings, out: Path) -> str:
    from screensmith.cli._conversion import RefusalFile, Request, convert

    log = RefusalFile()
    request = Request(
        reader=source.reader,
        root=source.root,
        writer="forge",
        out=out,
        reader_options=[f"{name}={_word(value)}" for name, value in source.options.items()],
        writer_options=["link=true"],
    )
    try:
        outcome = convert(request, log, lambda episodes: episodes)
        if outcome.written is None or not outcome.written.episodes:
            raise StepProblem(f"{source.root}: nothing usable; {log.summary()}")
        return f"{outcome.written}; {log.summary()}"
    finally:
        log.close()


def _word(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


# --- Training. ---


def _train_inputs(forge: Forge, stage: Stage) -> Inputs:
    settings = forge.train_settings(stage).settings
    values = settings.model_dump(mode="json", exclude=set(NO_INPUTS))
    if stage == 1:
        values["repo_id"] = settings.repo_id
    there = forge.source(stage).processed or forge.folder(DATA).is_dir()
    return {**values, "the data's hash": _forge_fingerprint(settings.local) if there else ""}


def _train(forge: Forge, stage: Stage, folder: Path) -> Mapping[str, Any]:
    from screensmith.cli._judging import judge_of
    from screensmith.cli._logging import set_up_logging
    from screensmith.train.run import train
    from screensmith.train.together import forget_training

    settings = settings_of(forge, stage)
    set_up_logging(settings.loglevel, settings.log_format)
    result = train(settings, judge=judge_of(settings))
    forget_training()
    loss = None if math.isnan(result.loss) else float(f"{result.loss:.4g}")  # nothing was left to do
    best = folder / "best"
    # Other processes than the first come here before the final model is written.
    model = best if settings.eval_benchmark and best.is_dir() else result.checkpoint
    return {
        "model": str(model),
        "steps": result.steps,
        "loss": loss,
        "data": result.refused,
    }


# --- Evaluation. ---


def _evaluation_inputs(forge: Forge) -> Inputs:
    from screensmith import plugins
    from screensmith.config.load import SettingError

    settings = forge.evaluation
    values = settings.model_dump(mode="json", exclude={"batch", "shown"})
    reader = (
        plugins.load("readers", settings.benchmark)
        if settings.benchmark in plugins.names("readers")
        else None
    )
    try:
        if reader is not None:
            known = plugins.options_of(reader.fingerprint)
            given = {name: value for name, value in settings.options.items() if name in known}
            values["the benchmark's hash"] = reader.fingerprint(settings.data, **given)
        if settings.steps is not None:
            module = plugins.load("readers", settings.steps.reader)
            known = plugins.options_of(module.fingerprint)
            given = {name: value for name, value in settings.steps.options.items() if name in known}
            values["the steps' hash"] = module.fingerprint(settings.steps.root, **given)
    except ValueError as problem:
        raise SettingError(f"evaluation: {problem}") from problem
    return values


def _evaluate(forge: Forge, stage: Stage, folder: Path) -> Mapping[str, Any]:
    from screensmith.cli._forge_judging import judge, questions_of
    from screensmith.evaluate.summary import percent
    from screensmith.model.policy import load_policy
    from screensmith.train.together import forget_training

    settings = forge.evaluation
    every = questions_of(settings)
    policy = load_policy(str(result_of(forge, stage)), max_new_tokens=settings.max_new_tokens)
    trained = steps_of(forge).result_id(TRAININGS[stage]) or ""
    results = judge(policy, every, folder, batch=settings.batch, trained=trained)
    del policy
    forget_training()
    return {
        questions.name: f"{result.headline} {percent(result.score)}, N={result.samples}"
        for questions, result in zip(every, results, strict=True)
    }


def _compare(forge: Forge, folder: Path) -> Mapping[str, Any]:
    from screensmith.cli._forge_judging import parts_of, questions_of
    from screensmith.evaluate.stages_report import verdict, write_stages_report

    folders = {SAID[stage]: forge.folder(name) for stage, name in EVALUATIONS.items()}
    parts = parts_of(questions_of(forge.evaluation), folders)
    title = "Two stages on the same screens"
    write_stages_report(folder / PAGE, title, parts, shown=forge.evaluation.shown)
    return {"page": str(folder / PAGE), **{part.heading: verdict(part) for part in parts}}
