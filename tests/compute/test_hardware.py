"""What a machine says about itself."""

import os
import subprocess
import sys

from screensmith.compute import hardware as module

TWO_SOCKETS = "\n\n".join(
    f"processor\t: {number}\nmodel name\t: Some  CPU @ 2.0GHz\nphysical id\t: {number // 4}\n"
    f"siblings\t: 4\ncore id\t\t: {number % 2}"
    for number in range(8)
)


def test_threads_of_one_core_are_one_physical_core():
    assert module.physical_cores(TWO_SOCKETS) == 4
    assert module.physical_cores("processor : 0\nBogoMIPS : 50\n") is None  # an ARM
    assert module.physical_cores("") is None


def test_the_machine_and_its_software_are_described(monkeypatch, tmp_path):
    processors = tmp_path / "cpuinfo"
    processors.write_text(TWO_SOCKETS)
    driver = tmp_path / "version"
    driver.write_text(
        "NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar 5\nGCC version: 12.2.0\n"
    )
    monkeypatch.setattr(module, "PROCESSORS", processors)
    monkeypatch.setattr(module, "DRIVER", driver)
    machine, software = module.hardware(), module.software()
    assert machine.cpu == "Some  CPU @ 2.0GHz"
    assert machine.logical_cores == os.cpu_count()
    assert 1 <= machine.usable_cores <= machine.logical_cores
    assert machine.memory_bytes > 2**28
    assert software.driver == "550.54.15"
    assert software.python == ".".join(map(str, sys.version_info[:3]))
    assert software.transformers


def test_the_open_driver_is_known_too(monkeypatch, tmp_path):
    driver = tmp_path / "version"
    driver.write_text("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  570.86.15  Release Build\n")
    monkeypatch.setattr(module, "DRIVER", driver)
    assert module.software().driver == "570.86.15"


def test_without_its_files_the_system_still_has_a_name(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "PROCESSORS", tmp_path / "none")
    monkeypatch.setattr(module, "DRIVER", tmp_path / "none")
    assert module.hardware().cpu
    assert module.hardware().physical_cores is None
    assert module.software().driver == ""


def test_a_report_never_loads_torch():
    code = (
        "import sys, pathlib, screensmith.compute.report as r, screensmith.compute.phases as p\n"
        "log = p.ComputeLog()\n"
        "with log.phase('infer'): pass\n"
        "assert r.report_of(log, title='t').hardware.gpus == ()\n"
        "assert 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
