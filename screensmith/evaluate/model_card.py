"""The model card of a checkpoint: `README.md` from what is really there, and nothing else.

The front matter is the hub's (https://huggingface.co/docs/hub/model-cards). A card never says where
something lay on the machine that wrote it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from screensmith.config import agent_card
from screensmith.config.agent_card import AgentCard, Skill
from screensmith.evaluate import _card_run
from screensmith.evaluate._card_base import UNKNOWN, Base, base_of
from screensmith.evaluate._card_results import COMPARISON, NAMES, FigureRow, ResultTable, is_of
from screensmith.evaluate._card_run import RunFacts
from screensmith.evaluate._card_use import example, use_lines
from screensmith.evaluate._card_words import code, place_name, plug_in, table, without_places, words
from screensmith.evaluate.summary import NOTHING, percent

FILE_NAME = "README.md"
MARK = "<!-- written by `screensmith publish`; the next one writes it anew -->"
ADAPTER_CONFIG = "adapter_config.json"
WEIGHTS = {
    True: ("adapter_model.safetensors",),
    False: ("model.safetensors", "model.safetensors.index.json"),
}


class NotPublishable(ValueError):
    """A folder that cannot have a model card; the message says why."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What a card is made of.

    `folder` is the checkpoint, `name` its name on the hub ("" where it is not known), `adapter` what
    `adapter_config.json` says of an adapter (None for a whole model), `evaluated_as` the model's name in
    the results where it is another than the folder's.
    """

    folder: Path
    card: AgentCard | None
    base: Base
    adapter: dict[str, Any] | None
    results: Sequence[ResultTable] = ()
    run: RunFacts = field(default_factory=RunFacts)
    name: str = ""
    evaluated_as: str = ""

    @property
    def title(self) -> str:
        """What the model is called: on the hub, or by its folder; `run/final` is better than `final`."""
        return self.name.partition("/")[2] or "-".join(self.folder.resolve().parts[-2:]).strip("/")


def publication(
    folder: Path,
    *,
    results: Sequence[ResultTable] = (),
    run: RunFacts | None = None,
    name: str = "",
    evaluated_as: str = "",
    base_on_hub: str = "",
    license_of_base: str = "",
) -> Publication:
    """Gather what a card says from a checkpoint's folder.

    Args:
        folder: an adapter's, or a whole model's.
        results: of `_card_results.read_results`, for this checkpoint and others beside it.
        run: what its run left; None where nothing is at hand.
        name: OWNER/NAME on the hub, or "".
        evaluated_as: see `Publication`.
        base_on_hub: OWNER/NAME of the base, where it is recorded under another name.
        license_of_base: where the base's own files do not say it.

    Raises:
        NotPublishable: the folder holds no weights, or its files contradict each other.
        UnsuitableBase: see `base_of`.
    """
    if not folder.is_dir():
        raise NotPublishable(f"there is no checkpoint folder {folder}; `screensmith train` writes them")
    adapter = _adapter_config(folder)
    wanted = WEIGHTS[adapter is not None]
    if not any((folder / name).is_file() for name in wanted):
        raise NotPublishable(
            f"{folder} holds no {' or '.join(wanted)}: give the folder of a finished checkpoint, such as "
            "runs/NAME/final"
        )
    card = agent_card.read(folder)
    recorded = str((adapter or {}).get("base_model_name_or_path") or (card.base if card else ""))
    places = (folder, Path()) if adapter is not None else (Path(),)
    base = base_of(recorded, places, hub=base_on_hub, license=license_of_base)
    return Publication(folder, card, base, adapter, results, run or RunFacts(), name, evaluated_as)


def _adapter_config(folder: Path) -> dict[str, Any] | None:
    path = folder / ADAPTER_CONFIG
    if not path.is_file():
        return None
    try:
        held = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise NotPublishable(f"{path} is not JSON: {error}") from error
    if not isinstance(held, dict):
        raise NotPublishable(f"{path} is no adapter's configuration")
    return held


def write_card(folder: Path, text: str, *, replace: bool = False) -> Path:
    """Write the card into its folder.

    Raises:
        NotPublishable: a README.md that we did not write is there, and `replace` is not given.
    """
    path = folder / FILE_NAME
    if path.is_file() and not replace and MARK not in path.read_text("utf-8", errors="replace"):
        raise NotPublishable(f"{path} was not written by `screensmith publish`; --replace writes over it")
    path.write_text(text, encoding="utf-8")
    return path


def card_text(made: Publication) -> str:
    """The whole card: front matter and Markdown."""
    front = yaml.safe_dump(front_matter(made), sort_keys=False, allow_unicode=True, width=1000)
    sections = [
        ("", _opening(made)),
        ("How to use it", _use(made)),
        ("What it sees and says", _contract(made)),
        ("How it was trained", _training(made)),
        ("Results", _results(made)),
        ("Limits: what was not measured", _limits(made)),
        ("Licence", _licence(made)),
    ]
    lines = ["---", front.rstrip("\n"), "---", MARK, "", f"# {words(made.title)}"]
    for heading, body in sections:
        lines += ["", *([f"## {heading}", ""] if heading else []), *body]
    return "\n".join(lines).rstrip() + "\n"


def front_matter(made: Publication) -> dict[str, Any]:
    """The hub's metadata."""
    front: dict[str, Any] = {"license": made.base.license, **made.base.details}
    front["library_name"] = "transformers" if made.adapter is None else "peft"
    front["pipeline_tag"] = "image-text-to-text"
    if made.base.hub:
        front["base_model"] = made.base.hub
        front["base_model_relation"] = "finetune" if made.adapter is None else "adapter"
    tags = ["screensmith", "gui-agent"]
    if made.card is not None:
        tags += [made.card.family, f"dialect-{made.card.dialect}"]
    if made.adapter is not None:
        tags.append("lora")
    front["tags"] = tags
    return front


def _opening(made: Publication) -> list[str]:
    kind = "An adapter" if made.adapter is not None else "A model"
    family = f" of the family {code(made.card.family)}" if made.card is not None else ""
    base = f"made from {code(made.base.name)}" if made.base.name else "whose base is not recorded"
    version = f" with screensmith {words(made.card.screensmith)}" if made.card else ""
    return [f"{kind}{family} that operates graphical user interfaces, {base}{version}."]


def _use(made: Publication) -> list[str]:
    folder = made.name.partition("/")[2] or made.folder.resolve().name
    lines = use_lines(made.name, folder, made.base, made.card, adapter=made.adapter is not None)
    card = made.card
    if card is not None and example(card) is None:
        lines += [
            "The question in this program is only the goal. What the model learned to be asked is written "
            f"by the prompt {plug_in(card.prompt, card.prompt_options)} of screensmith.",
            "",
        ]
    return lines[:-1]


def _contract(made: Publication) -> list[str]:
    card = made.card
    if card is None:
        return ["The folder has no `agent.json`, so it is not recorded how the model was asked."]
    rows = [("", _skill_cells(card)), *((name, _skill_cells(one)) for name, one in card.others.items())]
    heading = ("data", "prompt", "dialect", "places as", "steps of history", "actions")
    lines = table(heading, [(words(without_places(name)) or "first", *cells) for name, cells in rows])
    lines += [
        "",
        f"- screenshots are resized to between {card.min_pixels:,} and {card.max_pixels:,} pixels, and "
        "never cut",
    ]
    if card.skip_layers:
        lines.append(
            f"- image tokens are skipped when answering: layers {code(card.skip_layers)}, ratio "
            f"{card.skip_ratio:g}, threshold {card.skip_threshold:g}"
        )
    return lines


def _skill_cells(skill: Skill) -> tuple[str, ...]:
    return (
        plug_in(skill.prompt, skill.prompt_options),
        plug_in(skill.dialect, skill.dialect_options),
        words(skill.coordinate_frame),
        str(skill.history_steps),
        words(", ".join(skill.action_names)) or NOTHING,
    )


def _training(made: Publication) -> list[str]:
    prints = made.card.data_fingerprints if made.card is not None else {}
    lines = ["### Data", ""]
    if prints:
        rows = [(words(without_places(name)), code(value)) for name, value in prints.items()]
        lines += table(("data set", "hash of its metadata"), rows)
    else:
        lines += ["What it learned from is not recorded."]
    if made.adapter is not None:
        lines += ["", "### Adapter", "", *_adapter_lines(made.adapter)]
    for heading, body in (
        ("Recipe", _card_run.recipe_lines(made.run)),
        ("Course", _card_run.course_lines(made.run)),
        ("Compute", _card_run.compute_lines(made.run)),
    ):
        lines += ["", f"### {heading}", "", *body]
    return lines


def _adapter_lines(adapter: dict[str, Any]) -> list[str]:
    kinds = [word for key, word in (("use_rslora", "rsLoRA"), ("use_dora", "DoRA")) if adapter.get(key)]
    targets = adapter.get("target_modules")
    layers = f" on {len(targets)} layers" if isinstance(targets, list) else ""
    return [
        f"{' and '.join(kinds) or 'LoRA'} of rank {words(adapter.get('r'))}, alpha "
        f"{words(adapter.get('lora_alpha'))}{layers}."
    ]


def _results(made: Publication) -> list[str]:
    if not made.results:
        return ["None: no results were given when this card was written."]
    lines = [
        "Brackets are 95 % intervals; N is what a figure is a mean of. The files were written by "
        "`screensmith evaluate --json`."
    ]
    for found in made.results:
        other = not is_of(found, made.folder, made.evaluated_as)
        whose = f", of another model: {code(place_name(found.model))}" if other else ""
        lines += ["", f"### {words(found.title)}{whose}", ""]
        if found.kind == COMPARISON:
            heading = ("figure", "difference", "p", "N")
            lines += table(heading, [_difference_cells(one) for one in found.figures])
        else:
            lines += table(("figure", "value", "N"), [_figure_cells(one) for one in found.figures])
        if found.circumstances:
            told = (f"{words(name)}: {words(value)}" for name, value in found.circumstances)
            lines += ["", *(f"- {one}" for one in told)]
    return lines


def _figure_cells(one: FigureRow) -> tuple[str, ...]:
    ends = ""
    if one.interval is not None:
        ends = f" [{100 * one.interval[0]:.1f} to {100 * one.interval[1]:.1f} %]"
    return words(one.name), f"{percent(one.value)}{ends}", f"{one.count:,} {words(one.unit)}"


def _difference_cells(one: FigureRow) -> tuple[str, ...]:
    ends = ""
    if one.interval is not None:
        ends = f" [{100 * one.interval[0]:+.1f} to {100 * one.interval[1]:+.1f}]"
    value = NOTHING if one.value is None else f"{100 * one.value:+.1f} points{ends}"
    p = NOTHING if one.p is None else f"{one.p:.3g}"
    return words(one.name), value, p, f"{one.count:,} {words(one.unit)}"


def _limits(made: Publication) -> list[str]:
    own = [one for one in made.results if is_of(one, made.folder, made.evaluated_as)]
    kinds = {one.kind for one in own}
    lines = [
        f"- no result on {name}"
        for kind, name in NAMES.items()
        if kind not in (*kinds, COMPARISON, "task_results")
    ]
    if COMPARISON not in kinds:
        lines.append("- no paired comparison with another model, so no claim that it is better than one")
    bare = [f"{one.title}: {row.name}" for one in own for row in one.figures if row.interval is None]
    lines += [f"- no interval is known for {words(name)}" for name in bare]
    lines += [f"- {words(what)}" for what in _card_run.not_measured(made.run)]
    lines += [
        "- nothing was measured about screens that try to mislead it, for example with texts that give "
        "orders: let it act only where a wrong click does no harm, and watch it",
        "- nothing was measured on applications, languages and screen sizes beyond those of the data above",
    ]
    return lines


def _licence(made: Publication) -> list[str]:
    base = made.base
    name = code(base.name) if base.name else "the base"
    if base.license == UNKNOWN:
        return [
            f"The licence of {name} is unknown: {base.license_from}. Find it out before you use or pass on "
            "these weights, which are derived from it.",
        ]
    link = f" ({words(base.details['license_link'])})" if "license_link" in base.details else ""
    called = base.details.get("license_name", base.license)
    return [
        f"These weights are derived from {name}, whose licence is {code(called)}{link}, "
        f"{base.license_from}. The data sets above have licences of their own.",
    ]
