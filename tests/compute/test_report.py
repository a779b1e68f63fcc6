"""A report is read back as it was written, and is never written over."""

import json
import re
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from screensmith.compute import report as reports
from screensmith.compute._page import page
from screensmith.compute.hardware import Gpu, Hardware, Software
from screensmith.compute.phases import ComputeLog, Phase
from screensmith.compute.report import Report, UnreadableReport, read, to_json, write_reports
from screensmith.compute.summary import read_summary
from screensmith.compute.totals import totals_of

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
whole = st.integers(0, 2**60)
amounts = st.floats(0, 1e30, allow_nan=False)
maybe = st.one_of(st.none(), whole)
phases = st.builds(
    Phase,
    name=st.sampled_from(["train", "evaluate", "infer"]),
    times=whole,
    failures=whole,
    wall_seconds=amounts,
    cpu_seconds=amounts,
    device_seconds=amounts,
    tokens=maybe,
    images=maybe,
    samples=maybe,
    operations=st.one_of(st.none(), amounts),
    peak_memory_bytes=whole,
    peak_device_memory_bytes=st.dictionaries(texts, whole, max_size=2),
    energy_joules=st.dictionaries(st.sampled_from(["cpu", "gpu"]), amounts),
)
everything = st.builds(
    Report,
    title=texts,
    status=st.sampled_from(["finished", "failed", "killed"]),
    began=texts,
    ended=texts,
    device=texts,
    devices=st.integers(1, 1000),
    processes=st.integers(1, 1000),
    hardware=st.builds(
        Hardware,
        cpu=texts,
        physical_cores=maybe,
        logical_cores=maybe,
        usable_cores=st.integers(1, 1000),
        memory_bytes=maybe,
        gpus=st.lists(st.builds(Gpu, name=texts, memory_bytes=whole), max_size=2).map(tuple),
    ),
    software=st.builds(Software, *[texts] * 7),
    phases=st.lists(phases, max_size=3).map(tuple),
    not_measured=st.dictionaries(texts, texts, max_size=2),
)


@settings(max_examples=40)
@given(everything)
def test_a_report_is_read_back_as_it_was_written(report):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "compute_report.json"
        path.write_text(to_json(report), encoding="utf-8")
        assert read(path) == report


@settings(max_examples=40)
@given(everything)
def test_every_report_has_a_page_whose_tables_are_whole(report):
    text = page(report)
    headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert headings == [
        *("Hardware", "Software", "Phases", "Totals", "Not measured, and why", "How it was counted"),
    ]
    tables = re.split(r"\n(?!\|)", text.partition("## How")[0])
    for table in tables:
        rows = [line for line in table.split("\n") if line.startswith("|")]
        assert len({len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) for row in rows}) <= 1
    assert "<" not in text


def small_log(**options):
    log = ComputeLog(**options)
    with log.phase("infer"):
        log.count(tokens=10, images=2, operations=1e9)
    return log


def test_a_run_leaves_a_record_a_page_and_a_row(tmp_path):
    log = small_log()
    written = write_reports(tmp_path / "new" / "folder", log, title="a run | <b>")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == [
        *("compute_report.json", "compute_report.md", "compute_report_summary.csv"),
    ]
    report = read(written.record)
    assert (report.title, report.status, report.device) == ("a run | <b>", "finished", "cpu")
    assert report.phases == log.phases
    record = json.loads(written.record.read_text("utf-8"))
    assert (record["schema"], record["version"]) == ("screensmith.compute_report", 1)
    totals = totals_of(report.phases, 1, report.hardware.usable_cores)
    assert record["totals"]["tokens"] == totals.tokens == 10
    (row,) = read_summary(written.summary)
    assert float(row["wall_seconds"]) == totals.wall_seconds == float(row["infer_seconds"])
    assert (row["samples"], row["train_seconds"]) == ("", "")
    assert report.not_measured["samples"] == "the run did not count them"
    text = written.page.read_text("utf-8")
    assert "a run \\| &lt;b>" in text
    assert "| energy of GPUs | the run used no CUDA device |" in text


def test_an_earlier_report_is_kept(tmp_path):
    first = write_reports(tmp_path, small_log(), title="first")
    before = first.record.read_bytes()
    second = write_reports(tmp_path, small_log(), title="second")
    assert (second.record.name, second.page.name) == ("compute_report-2.json", "compute_report-2.md")
    assert first.record.read_bytes() == before
    assert [row["report"] for row in read_summary(first.summary)] == [
        *("compute_report.json", "compute_report-2.json"),
    ]


def test_a_failed_phase_makes_a_failed_run(tmp_path):
    log = ComputeLog()
    with pytest.raises(RuntimeError), log.phase("train"):
        raise RuntimeError
    written = write_reports(tmp_path, log, title="t")
    assert read(written.record).status == "failed"
    assert "train (1 failed)" in written.page.read_text("utf-8")


def test_what_a_killed_run_kept_becomes_its_report_once(tmp_path):
    log = ComputeLog()
    assert reports.report_killed(tmp_path) is None
    with log.phase("train"):
        for tokens in (10, 5):
            log.count(tokens=tokens)
            reports.keep_unfinished(tmp_path, log, title="run")
        log.count(tokens=7)  # and the process is killed
    written = reports.report_killed(tmp_path)
    report = read(written.record)
    assert (report.status, report.title, report.phases[0].tokens) == ("killed", "run", 15)
    assert report.ended in report.not_measured["the end of the run"]
    assert [row["status"] for row in read_summary(written.summary)] == ["killed"]
    assert reports.report_killed(tmp_path) is None

    reports.keep_unfinished(tmp_path, log, title="run")
    write_reports(tmp_path, log, title="run")
    assert reports.report_killed(tmp_path) is None


def test_half_a_character_in_a_title_is_spelled_out(tmp_path):
    written = write_reports(tmp_path, small_log(), title="bad \udcff name")
    assert read(written.record).title == "bad \\udcff name"
    assert read_summary(written.summary)[0]["title"] == "bad \\udcff name"


def test_a_crash_leaves_all_of_a_file_or_none(tmp_path, monkeypatch):
    def fail(handle):
        raise OSError("disk full")

    monkeypatch.setattr(reports.os, "fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_reports(tmp_path, small_log(), title="t")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("{", "not JSON"),
        ("[]", "no compute report"),
        ('{"schema": "another"}', "no compute report"),
        ('{"schema": "screensmith.compute_report", "version": 9}', "version 9"),
        ('{"schema": "screensmith.compute_report", "version": 1, "hardware": {}}', "lacks"),
        ('{"schema": "screensmith.compute_report", "version": 1, "hardware": 3}', "lacks"),
    ],
)
def test_another_file_is_refused_by_name(tmp_path, text, why):
    path = tmp_path / "report.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UnreadableReport, match=why) as caught:
        read(path)
    assert str(path) in str(caught.value)


def test_gpu_hours_are_those_of_gpus(tmp_path):
    log = small_log(device="cuda", devices=2)
    report = reports.report_of(log, title="t")
    long = replace(report, phases=(Phase("train", wall_seconds=3600, device_seconds=7200),))
    assert "| GPU hours, in use | 2 |" in page(long)
    assert "| GPU hours, in use | 0 |" in page(replace(long, device="cpu"))
