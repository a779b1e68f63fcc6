from screensmith.benchmarks import LiveBenchmark, Published
from screensmith.core.actions import Visit
from screensmith.core.prediction import Prediction
from screensmith.evaluate.benchmark import Origin
from screensmith.evaluate.live_benchmark import HEADLINE, play_benchmark, program_of, seeds_of
from screensmith.evaluate.live_benchmark_table import live_benchmark_table

RULES = LiveBenchmark(
    name="buttons",
    environment="buttons",
    tasks=("until", "half", "elsewhere"),
    tasks_from="a test",
    read_tasks=lambda root: (root, "until"),
    episodes=2,
    max_steps=3,
    max_steps_of={"until": 5},
    success_above=0.8,
    prompt="neko",
    dialect="neko",
    history_steps=1,
    published=(Published("somebody", HEADLINE, 0.5, "a paper"),),
)


def table(world, policy, **options):
    program = program_of(RULES, options.pop("playable", world.Buttons.tasks), seed=7, **options)
    origin = Origin(model="someone", prompt="neko", dialect="neko", coordinate_frame="fraction")
    result = play_benchmark(policy, program, [world.Buttons()], history_steps=1, origin=origin)
    return live_benchmark_table(result)


def test_the_table_says_how_it_was_played(world):
    text = table(world, world.expert)
    seeds = {task: " ".join(map(str, seeds_of(task, 2, 7))) for task in ("until", "half")}
    for part in (
        "buttons: 4 episodes of 2 tasks, 4 answers, episodes ",
        "NOT the whole protocol: elsewhere cannot be played here and count as failed\n",
        "unreadable answers: 0 of 4; cut off: 0\n",
        "model: someone\n",
        "asked: prompt neko, dialect neko, places as fraction, 1 steps of history\n",
        "rules: success_above=0.8, episodes=2, max_steps=3, max_steps_of={'until': 5}, tasks=a test\n",
        "not performed: 0 answers\n",
        "episodes ended: (4 done)\n",
        f"seeds, drawn with 7: until {seeds['until']}; half {seeds['half']}\n",
        "* mean of tasks ",
        "published, mean of tasks: somebody 50.0 [a paper]",
    ):
        assert part in text


def test_what_could_not_be_done_is_counted_and_a_whole_protocol_says_so(world):
    away = [Prediction("", (Visit("https://example.org"),))]
    text = table(world, lambda samples: away * len(samples), root="half")
    assert "the whole protocol\n" in text
    assert "NOT" not in text
    assert "not performed: 16 answers (16 Visit)" in text
    assert "tasks=half\n" in text
