"""Archives of fetched data sets: in parts, broken, hostile, and interrupted."""

from __future__ import annotations

import gzip
import io
import stat
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest

from screensmith.cli import _archives
from screensmith.cli._archives import Archive, ArchiveProblem, archives_in, unpack

FILES = {"images/a.png": b"a" * 5000, "images/deep/b.png": bytes(range(256)) * 9, "c.txt": b""}


def tarred(members: dict[str, Any]) -> bytes:
    """Packed; a value may also be a TarInfo."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as file:
        for name, content in members.items():
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content if isinstance(content, bytes) else b""
            info.size = len(data)
            file.addfile(info, io.BytesIO(data))
    return buffer.getvalue()


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in members.items():
            file.writestr(name, data)
    return buffer.getvalue()


def in_parts(folder: Path, data: bytes, count: int = 3, name: str = "set/i.tar.gz") -> Archive:
    """The data in parts aa, ab, ...; returns the archive."""
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    size = -(-len(data) // count)
    paths = [f"{name}.part_a{chr(ord('a') + number)}" for number in range(count)]
    for number, path in enumerate(paths):
        (folder / path).write_bytes(data[number * size : (number + 1) * size])
    (archive,) = archives_in(paths[::-1])
    return archive


def whole(folder: Path, name: str, data: bytes) -> Archive:
    (folder / name).write_bytes(data)
    return Archive(name, (name,))


def found(folder: Path) -> dict[str, bytes]:
    paths = (path for path in folder.rglob("*") if path.is_file() and ".part" not in path.name)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths if path.name[0] != "."}


def test_parts_are_joined_in_order_and_unpacked_beside_themselves_once(tmp_path: Path) -> None:
    archive = in_parts(tmp_path, tarred(FILES))
    looked: list[int] = []
    assert unpack(tmp_path, archive, "1", looked.append) == 3
    assert found(tmp_path / "set") == FILES
    assert sum(looked) == sum(map(len, FILES.values()))
    assert unpack(tmp_path, archive, "1", looked.append) is None
    assert unpack(tmp_path, archive, "2", looked.append) == 3, "another content is looked at again"


def test_a_zip_file_is_unpacked_too(tmp_path: Path) -> None:
    archive = whole(tmp_path, "i.zip", zipped(FILES))
    assert unpack(tmp_path, archive, "1", int) == 3
    found_now = found(tmp_path)
    assert found_now.pop("i.zip")
    assert found_now == FILES


def test_which_files_are_archives() -> None:
    paths = [
        "a.json",
        "b.zip",
        "c.tar.gz.part_aa",
        "c.tar.gz.part_ab",
        "d.tar.gz.part-01",
        "d.tar.gz.part-02",
    ]
    assert [(archive.name, len(archive.parts)) for archive in archives_in([*paths, "e.png", "f.tar"])] == [
        ("b.zip", 1),
        ("c.tar.gz", 2),
        ("d.tar.gz", 2),
        ("f.tar", 1),
    ]
    many = [f"x.tar.gz.part_{first}{second}" for first in "abc" for second in "abcdefghijklmnopqrstuvwxyz"]
    assert archives_in(many)[0].parts == tuple(many)
    for lost in (0, 30):
        with pytest.raises(ArchiveProblem, match="do not follow each other"):
            archives_in([path for path in many if path not in many[lost : lost + 2]])


@pytest.mark.parametrize("stop", [1, 2])
def test_an_interrupted_run_is_continued_and_leaves_no_half_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    archive = in_parts(tmp_path, tarred(FILES))
    kept = _archives._write
    calls: list[str] = []

    def killed(folder: Path, archive: Archive, name: str, *more: Any) -> None:
        calls.append(name)
        if len(calls) > stop:
            (folder / f".{Path(name).name}.new").write_bytes(b"half")
            raise KeyboardInterrupt
        kept(folder, archive, name, *more)

    with monkeypatch.context() as patch:
        patch.setattr(_archives, "_write", killed)
        with pytest.raises(KeyboardInterrupt):
            unpack(tmp_path, archive, "1", int)
    assert len(found(tmp_path / "set")) == stop
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "set").rglob("*.png")}
    assert unpack(tmp_path, archive, "1", int) == 3
    assert found(tmp_path / "set") == FILES
    assert all(path.stat().st_mtime_ns == time for path, time in times.items()), "nothing is written again"


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


@pytest.mark.parametrize(
    "members",
    [
        {"../out.txt": b"x"},
        {"a/../../out.txt": b"x"},
        {"/tmp/out.txt": b"x"},
        {"..\\out.txt": b"x"},
        {"C:/out.txt": b"x"},
        {"here": link("here", "../..")},
        {"here": link("here", "/etc/passwd")},
        {"here": link("here", "c.txt", tarfile.LNKTYPE)},
        {"pipe": link("pipe", "", tarfile.FIFOTYPE)},
    ],
)
def test_members_that_lead_out_or_are_no_files_are_not_unpacked(tmp_path: Path, members: Any) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(ArchiveProblem, match=r"leads out|a link or device"):
        unpack(folder, whole(folder, "i.tar.gz", tarred(members)), "1", int)
    if all(isinstance(data, bytes) for data in members.values()):
        with pytest.raises(ArchiveProblem, match="leads out"):
            unpack(folder, whole(folder, "i.zip", zipped(members)), "1", int)
    assert sorted(path.name for path in tmp_path.rglob("*")) in (
        ["data", "i.tar.gz", "i.zip"],
        ["data", "i.tar.gz"],
    )


def test_links_in_zip_files_and_links_that_were_there_are_not_followed(tmp_path: Path) -> None:
    info = zipfile.ZipInfo("here")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr(info, "../..")
    folder = tmp_path / "data"
    folder.mkdir()
    with pytest.raises(ArchiveProblem, match="a link or encrypted"):
        unpack(folder, whole(folder, "i.zip", buffer.getvalue()), "1", int)
    (folder / "images").symlink_to(tmp_path)
    with pytest.raises(ArchiveProblem, match="through a link"):
        unpack(folder, whole(folder, "i.tar.gz", tarred(FILES)), "1", int)
    assert not (tmp_path / "a.png").exists()


def test_a_file_of_somebody_else_is_not_written_over(tmp_path: Path) -> None:
    archive = whole(tmp_path, "i.tar.gz", tarred(FILES))
    (tmp_path / "c.txt").write_text("mine")
    with pytest.raises(ArchiveProblem, match=r"c\.txt is there and is not what i\.tar\.gz holds"):
        unpack(tmp_path, archive, "1", int)
    assert (tmp_path / "c.txt").read_text() == "mine"


@pytest.mark.parametrize("where", [0, 4, 40, -30, -6, -2])
def test_one_wrong_byte_is_noticed(tmp_path: Path, where: int) -> None:
    data = bytearray(tarred({"a.png": bytes(range(256)) * 40}))
    data[where] ^= 0x55
    archive = in_parts(tmp_path, bytes(data))
    if where == 4:  # the time in the header, which nothing depends on
        assert unpack(tmp_path, archive, "1", int) == 1
        return
    with pytest.raises(ArchiveProblem, match=r"i\.tar\.gz is broken"):
        unpack(tmp_path, archive, "1", int)


def test_what_is_cut_off_is_noticed(tmp_path: Path) -> None:
    data = tarred({f"{number}.png": bytes([number]) * 3000 for number in range(20)})
    for length in (0, 10, len(data) // 2, len(data) - 1):
        folder = tmp_path / str(length)
        with pytest.raises(ArchiveProblem, match="is broken"):
            unpack(folder, in_parts(folder, data[:length], 2), "1", int)
    half = zipped(FILES)[:-30]
    with pytest.raises(ArchiveProblem, match="is broken"):
        unpack(tmp_path, whole(tmp_path, "i.zip", half), "1", int)
    odd = gzip.compress(b"no tar file" * 100)
    with pytest.raises(ArchiveProblem, match="is broken"):
        unpack(tmp_path, whole(tmp_path, "i.tgz", odd), "1", int)
