"""Phases add up, whatever is nested, repeated, counted or broken in them."""

import os
import pickle
import subprocess
import sys
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.compute import _usage, phases
from screensmith.compute._energy import CPU, GPU, DriverMeter, Reading
from screensmith.compute.phases import ComputeLog, Phase, ProcessRecord


class FakeMeter:
    """Takes 10 joules (CPU) with every reading; of GPUs nothing is known."""

    def __init__(self):
        self.joules = 0.0

    def read(self):
        self.joules += 10
        return Reading(time.monotonic(), {CPU: {"package": self.joules}, GPU: {}})

    def between(self, before, after, used):
        return {CPU: after.joules[CPU]["package"] - before.joules[CPU]["package"]}

    def why_not(self, kind):
        return f"no {kind} in this test"


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    clock = Clock()
    monkeypatch.setattr(phases.time, "perf_counter", clock)
    return clock


def log_of(**options):
    return ComputeLog(**{"meter": FakeMeter(), **options})


def test_an_inner_phase_is_not_counted_twice(clock):
    log = log_of(devices=4)
    clock.now += 100  # before the first phase: nobody's
    with log.phase("train"):
        clock.now += 3
        for _ in range(2):
            with log.phase("evaluate", devices=1):
                clock.now += 5
        clock.now += 4
    clock.now += 100
    with log.phase("train"):
        clock.now += 1
    train, evaluate = log.phases
    assert (train.name, train.times, train.wall_seconds, train.device_seconds) == ("train", 2, 8, 32)
    assert (evaluate.name, evaluate.times, evaluate.wall_seconds) == ("evaluate", 2, 10)
    assert evaluate.device_seconds == 10


def test_a_phase_inside_one_of_the_same_name_goes_on(clock):
    log = log_of()
    with log.phase("infer"):
        clock.now += 1
        with log.phase("infer"):
            clock.now += 2
    (phase,) = log.phases
    assert (phase.times, phase.wall_seconds) == (2, 3)


def test_a_phase_that_fails_is_kept_with_what_it_took(clock):
    log = log_of()

    def interrupted():
        with log.phase("train"):
            clock.now += 7
            log.count(tokens=3)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    (phase,) = log.phases
    assert (phase.failures, phase.wall_seconds, phase.tokens) == (1, 7, 3)
    with log.phase("train"):
        clock.now += 1
    assert (log.phases[0].times, log.phases[0].failures) == (2, 1)


def test_a_running_phase_can_be_looked_at(clock):
    log = log_of()
    with log.phase("infer"):
        clock.now += 2
        assert log.phases[0].wall_seconds == 2
        clock.now += 1
    assert log.phases[0].wall_seconds == 3


@given(st.lists(st.tuples(st.sampled_from(["train", "evaluate"]), st.integers(0, 9), st.floats(0, 1e18))))
def test_counters_are_sums(steps):
    log = log_of()
    for name, tokens, operations in steps:
        with log.phase(name):
            log.count(tokens=tokens, operations=operations)
    for phase in log.phases:
        own = [step for step in steps if step[0] == phase.name]
        assert phase.tokens == sum(step[1] for step in own)
        assert phase.operations == pytest.approx(sum(step[2] for step in own))
        assert (phase.images, phase.samples, phase.times) == (None, None, len(own))


def test_rates_are_over_the_phases_own_time(clock):
    log = log_of()
    with log.phase("infer"):
        assert log.phases[0].rate("tokens") is None
        log.count(tokens=30, samples=0)
        clock.now += 4
    (phase,) = log.phases
    assert (phase.rate("tokens"), phase.rate("samples"), phase.rate("images")) == (7.5, 0, None)


def test_wrong_use_is_refused():
    log = log_of(devices=2)
    with pytest.raises(ValueError, match="1 device"):
        ComputeLog(devices=0)
    with pytest.raises(ValueError, match="phase"):
        log.count(tokens=1)
    with pytest.raises(ValueError, match="3 devices of the run's 2"), log.phase("train", devices=3):
        pass
    with pytest.raises(ValueError, match="lower-case"), log.phase("=cmd()"):
        pass
    with log.phase("train"):
        for number in (-1, float("nan"), float("inf")):
            with pytest.raises(ValueError, match="tokens cannot grow"):
                log.count(tokens=number)
    assert [phase.name for phase in log.phases] == ["train"]


def test_processor_time_is_that_of_children_too_running_or_ended():
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    log = log_of()
    with log.phase("train"):
        subprocess.run([sys.executable, "-c", burn], check=True)
    with (
        log.phase("evaluate"),
        subprocess.Popen(
            [sys.executable, "-c", burn + "print(flush=True)\ninput()"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        ) as running,
    ):
        running.stdout.readline()
        seen = log.phases[1].cpu_seconds
        running.communicate(b"\n")
    train, evaluate = log.phases
    assert train.cpu_seconds >= 0.29
    if os.path.exists(f"/proc/{os.getpid()}/task/{os.getpid()}/children"):  # noqa: PTH110
        assert seen >= 0.28
    assert evaluate.cpu_seconds >= 0.29
    assert evaluate.cpu_seconds < 3  # once, not as running and as ended


def test_peak_memory_is_that_of_the_process():
    log = log_of()
    with log.phase("prepare"):
        pass
    before = log.phases[0].peak_memory_bytes
    with log.phase("train"):
        block = bytearray(before + 2**24)
        block[:: 2**12] = b"x" * len(block[:: 2**12])
        del block
    assert log.phases[1].peak_memory_bytes >= before + 2**24


def test_energy_is_charged_to_the_phase_that_used_it():
    log = log_of()
    with log.phase("train"), log.phase("evaluate"):
        pass
    train, evaluate = log.phases
    assert (train.energy_joules, evaluate.energy_joules) == ({CPU: 20.0}, {CPU: 10.0})
    missing = log.not_measured()
    assert missing["energy of GPUs"] == "the run used no CUDA device"
    assert "energy of processors" not in missing


def test_long_phases_read_their_counters_on_the_way(clock):
    meter = FakeMeter()
    log = log_of(meter=meter)
    with log.phase("train"):
        for _ in range(100):
            clock.now += 10
            log.count(tokens=1)
    assert meter.joules > 100  # a reading each minute
    assert log.phases[0].wall_seconds == 1000


class FakeCuda:
    """As much of torch as a report asks, with two devices of which one is used."""

    class cuda:  # noqa: N801
        @staticmethod
        def is_initialized():
            return True

        @staticmethod
        def device_count():
            return 2

        @staticmethod
        def max_memory_allocated(number):
            return [0, 5000][number]

        @staticmethod
        def get_device_properties(name):
            return type("Properties", (), {"uuid": f"uuid-of-{name}"})


def test_only_devices_that_were_used_count(monkeypatch):
    monkeypatch.setattr(_usage, "loaded_torch", lambda: FakeCuda)
    log = log_of()
    with log.phase("train"):
        pass
    assert log.phases[0].peak_device_memory_bytes == {"cuda:1": 5000}
    assert log.device == "cuda"
    assert _usage.used_device_ids() == {"uuid-of-cuda:1"}
    assert log.not_measured()["energy of GPUs"] == "no gpu in this test"


def test_other_processes_are_added(clock):
    log = log_of(devices=3, processes=3)
    with log.phase("train"):
        clock.now += 10
        log.count(tokens=5, samples=4)
    assert "3 processes" in log.not_measured()["other processes"]
    here = log.record().machine
    mate = Phase("train", 1, 0, 11.0, 2.0, 33.0, 7, peak_memory_bytes=10**15, energy_joules={CPU: 500.0})
    mate.peak_device_memory_bytes = {"cuda:1": 9}
    far = Phase("train", 1, 0, 11.0, 3.0, 33.0, 8, energy_joules={CPU: 1.0})
    far.peak_device_memory_bytes = {"cuda:1": 8}
    cpu = log.phases[0].cpu_seconds
    records = [ProcessRecord(here, (mate,)), ProcessRecord("another", (far,))]
    log.join(pickle.loads(pickle.dumps(records)))
    (phase,) = log.phases
    assert (phase.tokens, phase.samples, phase.wall_seconds, phase.device_seconds) == (20, 4, 10, 30)
    assert phase.cpu_seconds == pytest.approx(cpu + 5)
    assert phase.peak_memory_bytes == 10**15
    assert phase.peak_device_memory_bytes == {"cuda:1": 9, "cuda:1 (process 3)": 8}
    assert phase.energy_joules == {CPU: 11.0}  # one machine's counter once
    assert "other processes" not in log.not_measured()


# --- The drivers' counters, as files and a module of the same form. ---


def package(folder, number, name, joules, limit=262_143):
    place = folder / f"intel-rapl:{number}"
    place.mkdir(parents=True, exist_ok=True)
    (place / "name").write_text(f"{name}\n")
    (place / "energy_uj").write_text(f"{int(joules * 1e6)}\n")
    (place / "max_energy_range_uj").write_text(f"{int(limit * 1e6)}\n")
    return place / "energy_uj"


class Nvml:
    """The functions of NVIDIA's module that are asked, with one board."""

    class NVMLError(Exception):
        pass

    def __init__(self, millijoules=()):
        self.millijoules = list(millijoules)

    def nvmlInit(self):  # noqa: N802
        if not self.millijoules:
            raise self.NVMLError("Driver Not Loaded")

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 1

    def nvmlDeviceGetHandleByIndex(self, index):  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, board):  # noqa: N802
        return "GPU-abc"

    def nvmlDeviceGetTotalEnergyConsumption(self, board):  # noqa: N802
        value = self.millijoules.pop(0)
        if value is None:
            raise self.NVMLError("GPU is lost")
        return value


def test_packages_are_added_and_a_counter_that_went_round_is_put_right(tmp_path):
    first = package(tmp_path, 0, "package-0", 100)
    second = package(tmp_path, 1, "package-1", 262_140)
    package(tmp_path, 2, "psys", 5)
    package(tmp_path, "0:0", "core", 5)
    meter = DriverMeter(tmp_path, Nvml())
    before = meter.read()
    first.write_text("150000000")
    second.write_text("7000000")
    used = meter.between(before, meter.read(), set())
    assert used == {CPU: pytest.approx(50 + 10)}
    assert "Driver Not Loaded" in meter.why_not(GPU)


def test_a_counter_that_may_have_gone_round_unseen_is_not_believed(tmp_path):
    package(tmp_path, 0, "package-0", 100)
    meter = DriverMeter(tmp_path, Nvml())
    before, after = meter.read(), meter.read()
    late = Reading(after.seconds + 3600, after.joules)
    assert meter.between(before, late, set()) == {}
    assert "gone round" in meter.why_not(CPU)
    assert meter.between(before, meter.read(), set()) == {}


def test_counters_that_cannot_be_read_say_why(tmp_path):
    assert "no processor package" in DriverMeter(tmp_path, Nvml()).why_not(CPU)
    package(tmp_path, 0, "package-0", 1).unlink()
    assert "cannot be read by this user (FileNotFoundError)" in DriverMeter(tmp_path, Nvml()).why_not(CPU)
    place = package(tmp_path, 0, "package-0", 1)
    meter = DriverMeter(tmp_path, Nvml())
    before = meter.read()
    place.unlink()
    assert meter.between(before, meter.read(), set()) == {}
    assert "to the end" in meter.why_not(CPU)


def test_boards_that_were_used_count(tmp_path):
    meter = DriverMeter(tmp_path, Nvml([0, 1000, 4500]))
    before, after = meter.read(), meter.read()
    assert meter.between(before, after, {"abc"}) == {GPU: 3.5}
    assert meter.between(before, after, set()) == {GPU: 0.0}
    assert meter.between(before, after, {"another"}) == {}
    assert "does not know the devices" in meter.why_not(GPU)


def test_a_board_that_is_lost_is_no_longer_counted(tmp_path):
    log = log_of(meter=DriverMeter(tmp_path, Nvml([0, 1000, 2000, 3000, None])))
    with log.phase("train"):
        pass
    assert log.phases[0].energy_joules == {GPU: 0.0}  # no device was used
    with log.phase("train"):
        pass
    assert log.phases[0].energy_joules == {}
    assert "GPU is lost" in log._meter.why_not(GPU)
