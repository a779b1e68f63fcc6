"""One row for each run, whoever writes at the same time and whatever a run is called."""

import csv
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from screensmith.compute.summary import COLUMNS, append, read_summary


def row(title="a run", **cells):
    return {**dict.fromkeys(COLUMNS, ""), "title": title, **cells}


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(texts, min_size=1, max_size=4))
def test_what_was_appended_is_read_back(titles):
    with tempfile.TemporaryDirectory() as folder:
        for title in titles:
            path = append(Path(folder), row(title))
        assert [each["title"] for each in read_summary(path)] == titles
        with path.open(encoding="utf-8", newline="") as file:
            cells = [cell for line in csv.reader(file) for cell in line]
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))]


def test_a_title_cannot_be_a_formula(tmp_path):
    path = append(tmp_path, row('=HYPERLINK("http://x")'))
    assert "'=HYPERLINK" in path.read_text("utf-8")
    assert read_summary(path)[0]["title"] == '=HYPERLINK("http://x")'


def test_the_header_is_written_once(tmp_path):
    append(tmp_path, row("one"))
    path = append(tmp_path, row("two"))
    assert path.name == "compute_report_summary.csv"
    lines = path.read_text("utf-8").splitlines()
    assert lines[0] == ",".join(COLUMNS)
    assert len(lines) == 3


@pytest.mark.parametrize("content", [b"run,hours\r\na,1\r\n", b"\xff\xfe\x00", b"x"])
def test_a_file_with_other_columns_is_left_as_it_is(tmp_path, content, caplog):
    theirs = tmp_path / "compute_report_summary.csv"
    theirs.write_bytes(content)
    append(tmp_path, row("one"))
    path = append(tmp_path, row("two"))
    assert theirs.read_bytes() == content
    assert path.name == "compute_report_summary-2.csv"
    assert [each["title"] for each in read_summary(path)] == ["one", "two"]
    assert "other columns" in caplog.text
    with pytest.raises(ValueError, match=r"columns|codec"):
        read_summary(theirs)


def test_a_row_after_one_that_a_crash_cut_short_is_whole(tmp_path):
    path = append(tmp_path, row("one"))
    with path.open("ab") as file:
        file.write(b"2026-01-01,cut sh")
    append(tmp_path, row("two"))
    assert path.read_text("utf-8").splitlines()[-1] == ",".join(
        "two" if column == "title" else "" for column in COLUMNS
    )


def test_processes_append_at_the_same_time(tmp_path):
    code = (
        "import sys, pathlib\n"
        "from screensmith.compute.summary import COLUMNS, append\n"
        "for n in range(40):\n"
        "    title = f'{sys.argv[2]}-{n}' + 'x' * 5000\n"
        "    append(pathlib.Path(sys.argv[1]), {**dict.fromkeys(COLUMNS, ''), 'title': title})\n"
    )
    writers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path), str(n)]) for n in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    titles = [each["title"].rstrip("x") for each in read_summary(tmp_path / "compute_report_summary.csv")]
    assert sorted(titles) == sorted(f"{writer}-{n}" for writer in range(3) for n in range(40))
