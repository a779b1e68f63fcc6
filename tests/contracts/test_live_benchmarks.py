"""Laws of every benchmark that is played, found by listing files, on a made-up screen with its tasks."""

import io
import json
import typing

import pytest
from PIL import Image

from screensmith import plugins
from screensmith.benchmarks import LiveBenchmark
from screensmith.core.actions import Click
from screensmith.core.episode import Screenshot
from screensmith.core.geometry import Point, Size
from screensmith.core.prediction import Prediction
from screensmith.environments import Outcome, Start
from screensmith.evaluate.live_benchmark import HEADLINE, live_benchmark_record, play_benchmark, program_of

SIZE = Size(16, 21)
NAMES = [
    name
    for name in plugins.names("benchmarks")
    if typing.get_type_hints(plugins.load("benchmarks", name).benchmark)["return"] is LiveBenchmark
]


def white():
    file = io.BytesIO()
    Image.new("RGB", (SIZE.width, SIZE.height), "white").save(file, "PNG")
    return Screenshot(file.getvalue(), SIZE)


class Screen:
    """Every task is solved by a click."""

    def __init__(self, tasks):
        self.tasks = tasks

    def reset(self, task, seed):
        self.clicked = False
        return Start(f"{task} {seed}", white())

    def act(self, action):
        self.clicked = isinstance(action, Click)
        return white()

    def outcome(self):
        return Outcome(self.clicked, float(self.clicked))


def click(samples):
    return [Prediction("click", (Click(Point(0.5, 0.5)),)) for _ in samples]


def nothing(samples):
    return [Prediction("?", problem="no action") for _ in samples]


@pytest.fixture(params=NAMES)
def benchmark(request):
    return plugins.load("benchmarks", request.param).benchmark()


def played(benchmark, policy, **options):
    program = program_of(benchmark, benchmark.tasks, seed=1, **options)
    return play_benchmark(policy, program, [Screen(benchmark.tasks)], history_steps=benchmark.history_steps)


def test_its_environment_and_its_words_exist(benchmark):
    assert benchmark.name in NAMES
    assert benchmark.environment in plugins.names("environments")
    prompt = plugins.load("prompts", benchmark.prompt)
    plugins.check_options(prompt.render, benchmark.prompt_options, "prompt")
    module = plugins.load("dialects", benchmark.dialect)
    plugins.check_options(module.dialect, benchmark.dialect_options, "dialect")


def test_its_rules_have_a_meaning(benchmark):
    assert benchmark.tasks
    assert len(set(benchmark.tasks)) == len(benchmark.tasks)
    assert set(benchmark.max_steps_of) <= set(benchmark.tasks)
    assert min(benchmark.episodes, benchmark.max_steps, *benchmark.max_steps_of.values()) >= 1
    assert 0.0 <= benchmark.success_above < 1.0
    assert benchmark.tasks_from
    assert json.loads(json.dumps(dict(benchmark.policy))) == dict(benchmark.policy)
    for row in benchmark.published:
        assert 0.0 < row.value < 1.0
        assert row.model
        assert row.source
        assert row.figure == HEADLINE


def test_who_always_succeeds_scores_1_and_plays_the_whole_protocol(benchmark):
    result = played(benchmark, click)
    assert result.result.score == 1.0
    assert result.program.departures == ()
    assert len(result.live.rollouts) == len(benchmark.tasks) * benchmark.episodes
    record = json.loads(json.dumps(live_benchmark_record(result)))
    assert record["whole_protocol"] is True
    assert record["score"] == 1.0


def test_who_does_nothing_scores_0(benchmark):
    result = played(benchmark, nothing, episodes=1)
    assert result.result.score == 0.0
    limits = [benchmark.max_steps_of.get(task, benchmark.max_steps) for task in benchmark.tasks]
    assert result.live.answers == sum(limits)
    assert result.result.unreadable == {"no action": sum(limits)}
