"""`screensmith forge`: two stages of training, grounding and reasoning, and whether the second helped."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from screensmith.cli._live import at_least_one
from screensmith.cli._parser import Parser, UsageError

if TYPE_CHECKING:
    from screensmith.cli._forge_steps import Steps
    from screensmith.config.forge import Forge
    from screensmith.evaluate.benchmark import BenchmarkResult
    from screensmith.train.together import Together

HELP = "train in two stages, grounding and then reasoning, and tell whether the second helped"
LOOKED_AT = 12  # screens on a page of answers
STEP_NAMES = ("data", "stage1", "evaluate1", "stage2", "evaluate2", "compare")


def add_arguments(parser: Parser) -> None:
    """What is done with a two-stage run, its file, and changes for this time."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = "\n".join(
        [
            "run       does every step that is not done yet; the same command goes on after a kill",
            "status    says which steps are done",
            "evaluate  asks one stage: quantitative gives numbers, qualitative a page of screens",
            "compare   writes the page of both stages and answers whether the second changed grounding",
            f"steps: {', '.join(STEP_NAMES)}",
            "settings: command line over stage over defaults over recipe; see docs/forge.md",
        ]
    )
    parser.add_argument("action", choices=tuple(ACTIONS), metavar="run|status|evaluate|compare")
    parser.add_argument("forge_file", type=Path, metavar="FORGE.yaml", help="the two-stage run")
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="SECTION.NAME=VALUE",
        help="for example stage1.lr=1e-4, defaults.adapter=lora or evaluation.limit=100; may be repeated",
    )
    parser.add_argument("--output", metavar="DIR", help="instead of the file's output")
    parser.add_argument(
        "--redo",
        action="append",
        default=[],
        choices=STEP_NAMES,
        help="run: do this step again and all that follow from it; what is there is set aside",
    )
    parser.add_argument("--until", choices=STEP_NAMES, help="run: stop after this step")
    parser.add_argument("--stage", type=int, choices=(1, 2), help="evaluate: which stage")
    parser.add_argument(
        "--eval-type",
        "--eval_type",
        choices=("quantitative", "qualitative"),
        help="evaluate: numbers (the default), or a page",
    )
    parser.add_argument(
        "--limit",
        type=at_least_one,
        metavar="N",
        help=f"evaluate: N samples, spread over the cells; default: the file's, {LOOKED_AT} for a page",
    )


def run(arguments: argparse.Namespace) -> int:
    """Do what is asked for."""
    from screensmith.config.forge import load_forge

    own = {"run": ("redo", "until"), "evaluate": ("stage", "eval_type", "limit")}
    for action, names in own.items():
        for name in names:
            if arguments.action != action and getattr(arguments, name):
                raise UsageError(f"--{name.replace('_', '-')} belongs to `screensmith forge {action}`")
    forge = load_forge(arguments.forge_file, arguments.set, output=arguments.output or "")
    return ACTIONS[arguments.action](forge, arguments)


def _run(forge: Forge, arguments: argparse.Namespace) -> int:
    from screensmith.cli._forge_work import TRAININGS, steps_of, write_run_file
    from screensmith.train.together import Together

    together, steps = Together(), steps_of(forge)
    if together.first:
        _look_ahead(forge, steps)
        write_run_file(forge, 1)
        for name in arguments.redo:
            for step in steps.following(name):
                steps.set_aside(step)
    together.wait()
    names = {name: stage for stage, name in TRAININGS.items()}
    for step in steps.steps:
        if together.first and names.get(step.name) == 2:
            write_run_file(forge, 2)
        _do(steps, step.name, together)
        if step.name == arguments.until:
            break
    return 0


def _look_ahead(forge: Forge, steps: Steps) -> None:
    """Read what the stages will be judged on before hours are spent on training them."""
    from screensmith.cli._forge_judging import questions_of
    from screensmith.cli._forge_work import EVALUATIONS

    if any(steps.standing(steps.named(name)).state != "done" for name in EVALUATIONS.values()):
        for questions in questions_of(forge.evaluation):
            print(f"to judge on: {questions.name}, {len(questions.samples)} samples", flush=True)


def _do(steps: Steps, name: str, together: Together) -> None:
    """One step, by all processes of a launch or by the first while the others wait."""
    step = steps.named(name)
    together.wait()
    standing = steps.standing(step)
    together.wait()  # nobody begins before all have looked
    if standing.state == "done":
        _say(together, f"{name}: done before, {_facts(standing.result)}")
        return
    if together.first:
        steps.begin(step)
    together.wait()
    going_on = " goes on" if standing.state == "begun" else ""
    changed = f" again: {'; '.join(standing.changed)}" if standing.changed else ""
    _say(together, f"{name}:{going_on}{changed}" if going_on or changed else f"{name}: begins")
    result: Mapping[str, Any] = {}
    if step.everybody or together.first:
        result = step.work(steps.output / name)
    if together.first:
        steps.finish(step, result)
    _say(together, f"{name}: done, {_facts(result)}")


def _say(together: Together, text: str) -> None:
    if together.first:
        print(text, flush=True)


def _facts(result: Mapping[str, Any]) -> str:
    return "; ".join(f"{name}: {value}" for name, value in result.items())


def _status(forge: Forge, arguments: argparse.Namespace) -> int:
    from screensmith.cli._forge_work import steps_of

    del arguments
    steps = steps_of(forge)
    width = max(map(len, STEP_NAMES))
    for step in steps.steps:
        standing = steps.standing(step)
        when = standing.when.partition(".")[0].replace("T", " ")
        print(f"{step.name:<{width}}  {standing.state:<7}  {when:<19}  {_facts(standing.result)}".rstrip())
        for line in standing.changed:
            print(f"{'':<{width}}    {line}")
    return 0


def _evaluate(forge: Forge, arguments: argparse.Namespace) -> int:
    from screensmith.cli._forge_judging import answered, judge, questions_of
    from screensmith.cli._forge_work import SAID, TRAININGS, result_of, steps_of
    from screensmith.evaluate.benchmark_table import result_table
    from screensmith.evaluate.stages_report import Part, write_stages_report
    from screensmith.model.policy import load_policy

    if arguments.stage is None:
        raise UsageError("which stage? give --stage 1 or --stage 2")
    page = arguments.eval_type == "qualitative"
    limit = arguments.limit or (LOOKED_AT if page else forge.evaluation.limit)
    settings = forge.evaluation.model_copy(update={"limit": limit})
    if settings.steps is not None and arguments.limit:
        settings = settings.model_copy(update={"steps": settings.steps.model_copy(update={"limit": limit})})
    checkpoint = result_of(forge, arguments.stage)
    trained = steps_of(forge).result_id(TRAININGS[arguments.stage]) or checkpoint.name
    folder = (
        forge.output / "evaluations" / f"stage{arguments.stage}-{trained}-{limit or 'all'}-{settings.seed}"
    )
    folder.mkdir(parents=True, exist_ok=True)
    every = questions_of(settings)
    policy = load_policy(str(checkpoint), max_new_tokens=settings.max_new_tokens)
    results: list[BenchmarkResult] = judge(policy, every, folder, batch=settings.batch, trained=trained)
    if page:
        name = SAID[arguments.stage]
        parts = [
            Part(one.heading, one.what, one.metric, (answered(name, result),))
            for one, result in zip(every, results, strict=True)
        ]
        path = folder / "answers.html"
        write_stages_report(path, f"Answers of {name}", parts, shown=limit)
        print(f"page: {path}")
        return 0
    for result in results:
        print(result_table(result))
        print()
    print(f"numbers, answers and reports: {folder}")
    return 0


def _compare(forge: Forge, arguments: argparse.Namespace) -> int:
    from screensmith.cli._forge_steps import StepProblem
    from screensmith.cli._forge_work import COMPARE, steps_of
    from screensmith.train.together import Together

    del arguments
    steps = steps_of(forge)
    step = steps.named(COMPARE)
    open_steps = [name for name in step.after if steps.standing(steps.named(name)).state != "done"]
    if open_steps:
        raise StepProblem(f"{' and '.join(open_steps)} must be done first: `screensmith forge run`")
    _do(steps, COMPARE, Together())
    for name, said in steps.standing(step).result.items():
        print(f"{name}: {said}")
    return 0


ACTIONS: Mapping[str, Callable[[Forge, argparse.Namespace], int]] = {
    "run": _run,
    "status": _status,
    "evaluate": _evaluate,
    "compare": _compare,
}
