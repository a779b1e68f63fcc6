import os
import subprocess
import sys

from screensmith.train.together import Together, forget_training

PROGRAM = """
import sys, time
from pathlib import Path
from screensmith.train.together import Together
together, done = Together(), Path(sys.argv[1])
if together.first:
    time.sleep(0.3)
    done.touch()
together.wait()
assert done.exists()
done.with_name("first" if together.first else "other").touch()
together.wait()
"""


def test_one_process_is_the_first_and_waits_for_nobody(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    together = Together()
    assert together.first
    together.wait()
    forget_training()


def test_of_two_processes_one_works_while_the_other_waits(tmp_path):
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    done = subprocess.run(
        [*launch, "--no-python", sys.executable, "-c", PROGRAM, str(tmp_path / "done")],
        env={**os.environ, "ACCELERATE_USE_CPU": "true", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == {"done", "first", "other"}
