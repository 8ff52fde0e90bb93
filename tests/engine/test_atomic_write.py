"""Files and directories get their names whole, and take each other's."""

import itertools
from pathlib import Path

import pytest

from seqrec.engine.atomic_write import give_name, new_directory, new_file


def put(path, kind, text):
    """Make a file, a directory with a file, or a link to nowhere."""
    if kind == "file":
        path.write_text(text)
    elif kind == "directory":
        path.mkdir()
        (path / "part").write_text(text)
    elif kind == "link":
        path.symlink_to(path.with_name("nowhere"))


def text_of(path):
    return (path / "part" if path.is_dir() else path).read_text()


KINDS = ("file", "directory")
EARLIER = (*KINDS, "link", "nothing")


@pytest.mark.parametrize(("kind", "earlier"), list(itertools.product(KINDS, EARLIER)))
def test_whatever_has_the_name_makes_way(tmp_path, kind, earlier):
    put(tmp_path / "made", kind, "new")
    put(tmp_path / "name", earlier, "old")
    give_name(tmp_path / "made", tmp_path / "name")
    assert text_of(tmp_path / "name") == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


@pytest.mark.parametrize(("kind", "earlier"), list(itertools.product(KINDS, KINDS)))
def test_a_name_that_cannot_be_given_stays_with_the_earlier(tmp_path, monkeypatch, kind, earlier):
    put(tmp_path / "made", kind, "new")
    put(tmp_path / "name", earlier, "old")
    replace = Path.replace

    def torn(path, target):
        if path.name == "made":
            raise OSError("disk full")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", torn)
    with pytest.raises(OSError, match="disk full"):
        give_name(tmp_path / "made", tmp_path / "name")
    assert text_of(tmp_path / "name") == "old"


def test_a_directory_never_takes_anothers_name(tmp_path):
    put(tmp_path / "name", "directory", "old")

    def make():
        with new_directory(tmp_path / "name") as scratch:
            (scratch / "part").write_text("new")

    with pytest.raises(OSError, match="not empty"):
        make()
    assert text_of(tmp_path / "name") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]


def test_a_failing_file_keeps_what_was_there(tmp_path):
    put(tmp_path / "name", "file", "old")

    def fail():
        with new_file(tmp_path / "name") as handle:
            handle.write("half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert text_of(tmp_path / "name") == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["name"]
