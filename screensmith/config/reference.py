"""The settings as documents: `docs/configuration.md`, `docs/showui.md`, `.env.example`; from the tables."""

from __future__ import annotations

from screensmith.config.showui_options import OWN, Option, groups
from screensmith.config.spellings import CAPTURE, TRAIN, Table
from screensmith.config.task_results import BLOCKS, DOCUMENTED, preset
from screensmith.config.values import allowed, show, show_default

_INTRODUCTION = """\
# Configuration

This page is made by `screensmith settings --format markdown`; a test keeps it true.

One precedence holds for every setting, strongest first:

1. the command line (`--lr 1e-5`),
2. the environment (`TRAIN_LR=1e-5`),
3. the file `.env` in the current folder, or the one named by `--env-file`,
4. the YAML run file (`lr: 1e-5`; the name of the field or of the variable),
5. the default.

An empty variable counts as not set. A name that does not exist, or a value that is not allowed, stops the
run with one line that names the right one. Each run begins by printing every setting, its value and where
it came from; `screensmith settings` prints the same without training. Where `TRAIN_LOCAL` is not set,
`CAPTURE_OUT` is used, so that what was just recorded is what is trained on.

Lists are written with commas between (`jsonl,tensorboard`), options of a plug-in as a JSON object.
"""

_TRAIN_TITLE = """
## `screensmith train`

`shortest_edge` and `longest_edge` are edges in pixels: a screenshot is scaled so that its area lies between
the squares of the two. The processors of the Qwen families take areas; the conversion happens in one place.
"""

_TASK_RESULTS_TITLE = """
### Task results

With `train_csv` the preset for task results stands in for the defaults above; what is written anywhere
counts before it. `adapter: none` leaves out what belongs to adapters. [task_results.md](task_results.md)
shows the whole way. The documented options of such training are taken on the command line, too:

| option | setting |
|---|---|
"""

_CAPTURE_TITLE = """
## `screensmith capture`
"""

_OTHER = """
## Elsewhere

| variable | meaning |
|---|---|
| `SCREENSMITH_CHROMIUM` | Chromium or Chrome to use; otherwise Playwright's own, then the system's |
| `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY` | credentials for `s3://` folders, read by the S3 client |

Other variables in `.env` are passed on to the libraries that read them (`AWS_*`, `HF_*`, `WANDB_*`).
"""

_ENV_HEADER = """\
# Settings of screensmith: copy to .env and remove the # before what you change.
# Every line shows the default. They start as comments because .env is stronger than a YAML run file
# (and weaker than the environment and the command line). docs/configuration.md has every option.
"""

_ENV_OTHER = """
# --- elsewhere ---
# path of a Chromium or Chrome; otherwise Playwright's own, then the system's
# SCREENSMITH_CHROMIUM=
# credentials for s3:// folders
# AWS_ACCESS_KEY_ID=
# AWS_SECRET_ACCESS_KEY=
"""


def markdown() -> str:
    """The text of `docs/configuration.md`."""
    parts = [_INTRODUCTION, _TRAIN_TITLE, *_rows(TRAIN), _TASK_RESULTS_TITLE, *_task_results_rows()]
    return "".join([*parts, _CAPTURE_TITLE, *_rows(CAPTURE), _OTHER])


def _task_results_rows() -> list[str]:
    models = "`--model_path`, `--model_name`, `--use_local`"
    blocks = ", ".join(f"`--no_{block}`" for block in BLOCKS)
    lines = [f"| `{option}` | `{field}` |\n" for option, field in DOCUMENTED.items()]
    lines += [f"| {models} | `repo_id` |\n", f"| {blocks} | `prompt_options` |\n"]
    values = preset("")
    lines.append("\n| preset | value |\n|---|---|\n")
    return [*lines, *(f"| `{name}` | `{show(value)}` |\n" for name, value in values.items())]


def _rows(table: Table) -> list[str]:
    lines = ["\n| field | variable | flag | default | meaning | allowed |\n|---|---|---|---|---|---|\n"]
    for spelling in table.spellings:
        field = table.model.model_fields[spelling.field]
        default = show_default(table.model, spelling.field)
        shown = f"`{default}`" if default else ""
        lines.append(
            f"| `{spelling.field}` | `{spelling.variable}` | `{spelling.flag}` | {shown} "
            f"| {field.description} | {allowed(field)} |\n"
        )
    return lines


def env_example() -> str:
    """The text of `.env.example`: the documented settings, each a comment with its default."""
    return "".join(
        [
            _ENV_HEADER,
            "\n# --- train ---\n",
            *_env_lines(TRAIN),
            "\n# --- capture ---\n",
            *_env_lines(CAPTURE),
            _ENV_OTHER,
        ]
    )


def _env_lines(table: Table) -> list[str]:
    return [
        f"# {table.model.model_fields[item.field].description}\n"
        f"# {item.variable}={show_default(table.model, item.field)}\n"
        for item in table.spellings
        if item.documented
    ]


_SHOWUI_INTRODUCTION = """\
# ShowUI's command lines

This page is made by `screensmith settings --format showui`; a test keeps it true.

`screensmith showui` takes the options of ShowUI's training program under their documented names, in place
of `train.py`. It prints every setting that they become, and notes on options that mean something else here
than one may think; then it trains, or scores the model with `--eval_only`:

```sh
screensmith showui --model_id=showlab/ShowUI-2B --dataset_dir=data --train_dataset=showui-desktop \\
  --train_json=hf_train --random_sample --record_sample --lora_r=32 --lora_alpha=64 --num_turn=100
```

Every launcher starts it, one process for each device:

```text
torchrun --nproc_per_node 2 -m screensmith showui OPTIONS
accelerate launch -m screensmith showui OPTIONS
deepspeed --module screensmith showui OPTIONS
```

- Options are written `--name=value` or `--name value`, flags also `--name` alone; the last one wins. An
  unknown option, data set or value stops the run with one line that names the right one.
- Only the command line counts: variables such as `TRAIN_LR`, and settings of ours in `.env`, are not read.
- What the options become are the settings of `screensmith train`; [examples/showui](../examples/showui) has
  a run file for each documented command, with that command in its first comment.
- Folders and names of data sets are those of ShowUI's instructions: `images/` and `metadata/` in
  `ShowUI-desktop`, `ShowUI-web`, `AMEX`, `ScreenSpot`, `GUI_Course/GUIAct`, `Mind2Web`, `AITW`, `MiniWob`,
  below `dataset_dir`.
"""

_SHOWUI_TRAPS = """
## What was dead, inverted or a trap

| option | there | here |
|---|---|---|
"""

_SHOWUI_OWN = """
## Settings of ours

ShowUI had no options for these. They are taken under the name of their setting,
which [configuration.md](configuration.md) explains:
"""


def showui_markdown() -> str:
    """The text of `docs/showui.md`."""
    lines = [_SHOWUI_INTRODUCTION]
    for group in groups():
        lines.append(
            f"\n## {group.title}\n\n| option | default there | becomes | here |\n|---|---|---|---|\n"
        )
        lines += map(_showui_row, group.options)
    trapped = [option for group in groups() for option in group.options if option.there]
    rows = [f"| `--{option.name}` | {option.there} | {option.here} |\n" for option in trapped]
    return "".join([*lines, _SHOWUI_TRAPS, *rows, _SHOWUI_OWN, "\n", *_showui_own()])


def _showui_row(option: Option) -> str:
    default = f"`{option.default}`" if option.default else ""
    becomes = ", ".join(f"`{field}`" for field in option.fields)
    if not option.has_effect:
        becomes = "no effect"
    return f"| `--{option.name}` | {default} | {becomes} | {option.here} |\n"


def _showui_own() -> list[str]:
    return [f"- `--{name}`: {TRAIN.model.model_fields[name].description}\n" for name in OWN]
