"""The examples are runs that start as they are."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from screensmith.cli.main import parse
from screensmith.config.forge import load_forge
from screensmith.config.load import load_train_settings
from screensmith.environments._widget_pages import make_page
from screensmith.readers import mds

EXAMPLES = Path(__file__).parents[1] / "examples"
FORGE = EXAMPLES / "forge.yaml"
RUN_FILES = sorted(set(EXAMPLES.rglob("*.yaml")) - {FORGE})


def test_the_forge_is_two_runs():
    forge = load_forge(FORGE)
    first, second = (forge.train_settings(stage).settings for stage in (1, 2))
    assert second.repo_id == f"{first.output}/final"


@pytest.mark.parametrize("run_file", RUN_FILES, ids=lambda path: path.parent.name)
def test_run_files_are_settings(run_file):
    settings = load_train_settings({}, run_file=run_file, environment={}, env_file=None).settings
    assert settings.batch >= 1


@pytest.mark.parametrize("script", sorted(EXAMPLES.rglob("*.sh")), ids=lambda path: path.name)
def test_commands_of_scripts_exist(script):
    lines = script.read_text("utf-8").replace("\\\n", " ").splitlines()
    commands = [shlex.split(line) for line in lines if line.startswith("screensmith ")]
    assert commands
    for command in commands:
        parse(command[1:])


@pytest.mark.browser
def test_the_starting_models_pages_are_rendered_and_read_back(tmp_path):
    out = tmp_path / "pages"
    script = EXAMPLES / "starter" / "render.py"
    subprocess.run(
        [sys.executable, str(script), "--out", str(out), "--pages", "8"], check=True, timeout=200
    )
    episodes = mds.read(str(out), cache=str(tmp_path / "cache"))
    assert len(episodes) == 8
    for episode in episodes:
        assert episode.goal == make_page(episode.facts["task"], episode.facts["seed"]).goal
        assert all(step.target is not None for step in episode.steps)
