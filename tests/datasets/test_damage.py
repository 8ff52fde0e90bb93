"""A damaged artefact is refused in one line, or an intact checkpoint is used; nothing is mixed."""

import itertools
import shutil

import pytest
import torch
from kedro.io import DatasetError
from kedro.io.core import Version

from seqrec.artefacts import version_folders
from seqrec.errors import ProjectError
from seqrec.training.checkpoints import Checkpoint, CheckpointStore
from tests.datasets.full_disk import files_of_at_most
from tests.datasets.kinds import KINDS, NEW, OLD, later, save_both
from tests.legacy.make_324c47b import FILES
from tests.legacy.test_324c47b import copy_to

NEWER = "2026-01-03T00.00.00.000Z"
TEXT = (".inter", ".item")
"""Files that nothing of the project reads: their size is checked."""
SAME_SIZE = ("flipped", "zeroed", "swapped")


def empty(path):
    path.write_bytes(b"")


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def zeroed(path):
    path.write_bytes(bytes(path.stat().st_size))


def swapped(path):
    """Other content of the same length, as of another type."""
    path.write_bytes((b"1,2\n" * path.stat().st_size)[: path.stat().st_size])


def directory(path):
    path.unlink()
    path.mkdir()


def dangling(path):
    path.unlink()
    path.symlink_to(path.with_name("gone"))


def missing(path):
    path.unlink()


DAMAGES = (empty, cut, flipped, zeroed, swapped, directory, dangling, missing)
BY_NAME = {damage.__name__: damage for damage in DAMAGES}
FILES_OF = [(kind, name) for kind, made in KINDS.items() for name in made.files]


@pytest.fixture(autouse=True)
def fresh_warnings():
    version_folders._warn_once.cache_clear()


@pytest.fixture(scope="module")
def originals(tmp_path_factory):
    """Every kind in two versions."""
    folder = tmp_path_factory.mktemp("originals")
    for kind in KINDS:
        save_both(kind, folder)
    return folder


@pytest.fixture(scope="module")
def values(originals):
    """What each version is read as."""
    return {
        (kind, version): KINDS[kind].value(
            KINDS[kind].make(str(originals / kind), Version(version, None)).load()
        )
        for kind in KINDS
        for version in (OLD, NEW)
    }


@pytest.fixture
def both(originals, tmp_path):
    """Have a copy of both versions of a kind."""

    def copy(kind):
        shutil.copytree(originals / kind, tmp_path / kind, dirs_exist_ok=True)
        return later(kind, tmp_path)

    return copy


def refused(load):
    """Return the line with which loading is refused."""
    with pytest.raises(ProjectError) as caught:
        load()
    assert isinstance(caught.value, DatasetError)  # Kedro passes it on as it is
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("damage", BY_NAME)
@pytest.mark.parametrize(("kind", "name"), FILES_OF)
def test_a_damaged_file_is_refused_and_named(values, both, tmp_path, kind, name, damage):
    dataset = both(kind)
    path = tmp_path / kind / NEW / name
    BY_NAME[damage](path)
    if name.endswith(TEXT) and damage in SAME_SIZE:
        assert KINDS[kind].value(dataset.load()) == values[kind, NEW]
        return
    line = refused(dataset.load)
    assert line.startswith(str(path))
    assert line.endswith("run again what writes it")


@pytest.mark.parametrize("damage", BY_NAME)
@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_manifest_never_leads_to_the_version_before(
    values, both, tmp_path, kind, damage, caplog
):
    dataset = both(kind)
    manifest = tmp_path / kind / NEW / "manifest.json"
    BY_NAME[damage](manifest)
    if damage == "missing":  # as if it had been written before there were manifests
        assert KINDS[kind].value(dataset.load()) == values[kind, OLD]
        assert f"{NEW} has no manifest.json: it counts as older than {OLD}" in caplog.text
    else:
        assert refused(dataset.load).startswith(str(manifest))
        assert refused(dataset.versions).startswith(str(manifest))
        assert dataset.exists()


def test_a_new_version_mends_a_damaged_manifest(both, tmp_path, caplog):
    dataset = both("history.csv")
    cut(tmp_path / "history.csv" / NEW / "manifest.json")
    newer = KINDS["history.csv"].make(str(tmp_path / "history.csv"), Version(None, NEWER))
    newer.save(KINDS["history.csv"].data(3))
    assert dataset.load()["rank"].tolist() == newer.load()["rank"].tolist()
    assert [known.version for known in dataset.versions()] == [OLD, NEWER]
    assert f"manifest.json is damaged: version {NEW} does not count" in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_every_bit_of_a_manifest_counts(values, both, tmp_path, kind):
    dataset = both(kind)
    manifest = tmp_path / kind / NEW / "manifest.json"
    content = manifest.read_bytes()
    expected = values[kind, NEW]
    for place in range(0, len(content), 7):
        changed = bytearray(content)
        changed[place] ^= 1 << place % 8
        manifest.write_bytes(changed)
        dataset.release()
        try:
            assert KINDS[kind].value(dataset.load()) == expected  # between two words
            assert dataset.facts() == dataset.versions()[-1].facts
        except ProjectError as error:
            assert "\n" not in str(error)  # noqa: PT017
            assert "manifest.json" in str(error)  # noqa: PT017


@pytest.mark.parametrize("damage", BY_NAME)
@pytest.mark.parametrize(("kind", "name"), FILES_OF)
def test_without_a_manifest_damage_is_one_line_too(both, tmp_path, kind, name, damage):
    """Files of before: what cannot be read is refused; nothing else can be known."""
    dataset = both(kind)
    for version in (OLD, NEW):
        (tmp_path / kind / version / "manifest.json").unlink()
    BY_NAME[damage](tmp_path / kind / NEW / name)
    try:
        KINDS[kind].value(dataset.load())
    except ProjectError as error:
        assert "\n" not in str(error)  # noqa: PT017
        assert kind in str(error)  # noqa: PT017


@pytest.mark.parametrize("damage", BY_NAME)
@pytest.mark.parametrize("kind", [kind for kind in KINDS if len(KINDS[kind].files) == 1])
def test_without_versions_it_is_the_same(values, tmp_path, kind, damage):
    path = tmp_path / kind
    dataset = KINDS[kind].make(str(path), None)
    dataset.save(KINDS[kind].data(1))
    BY_NAME[damage](path)
    assert refused(dataset.load).startswith(str(path))
    dataset.save(KINDS[kind].data(2))
    assert KINDS[kind].value(dataset.load()) == values[kind, NEW]


def test_a_file_that_was_added_to_a_folder_of_parts_is_refused(both, tmp_path):
    dataset = both("parts.parquet")
    parts = tmp_path / "parts.parquet" / NEW / "parts.parquet"
    shutil.copy(parts / "part-0.parquet", parts / "part-2.parquet")
    assert "part-2.parquet was put there later" in refused(dataset.load)


def test_a_folder_in_place_of_all_files_is_refused(both, tmp_path):
    for kind in KINDS:
        dataset = both(kind)
        content = tmp_path / kind / NEW / kind
        shutil.rmtree(content) if content.is_dir() else content.unlink()
        refused(dataset.load)
        content.mkdir()
        refused(dataset.load)
        content.rmdir()
        content.symlink_to(tmp_path / "gone")
        refused(dataset.load)


def test_a_run_that_reads_what_is_damaged_ends_with_the_command_that_makes_it_anew(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "project"
    project = copy_to(folder)
    with project.session() as session:
        catalog = session.load_context().catalog
        for name in ("ncf.weights", "ncf.training_log"):
            catalog.save(name, catalog.load(name))
        ranks = catalog.load("ncf.target_ranks")
        dataset = catalog.get("ncf.target_ranks")
        dataset.save(ranks)
        path = dataset._get_load_path()
    flipped(folder / path.relative_to(folder))
    with pytest.raises(ProjectError) as caught:
        project.run("evaluation")
    assert str(caught.value) == (
        f"{path} is not what was written (its checksum differs): "
        "`kedro run --pipelines train_ncf` makes it anew"
    )


CHECKPOINT = ("tensors.safetensors", "state.json", "SHA256SUMS")


def checkpoint(step):
    return Checkpoint({"w": torch.full((64,), float(step))}, {"step": step, "finished": False})


@pytest.fixture
def store(tmp_path):
    store = CheckpointStore(tmp_path / "checkpoints")
    for step in range(2):
        store.save(checkpoint(step))
    return store


def everything_below(folder):
    return {path for path in folder.rglob("*") if path.is_file() or path.is_symlink()}


@pytest.mark.parametrize(("name", "damage"), list(itertools.product(CHECKPOINT, BY_NAME)))
def test_the_checkpoint_before_is_used_and_the_damaged_one_kept(
    tmp_path, store, caplog, name, damage
):
    BY_NAME[damage](store.folder / "00000001" / name)
    left = len(everything_below(store.folder / "00000001"))
    assert store.newest().state["step"] == 0
    assert "00000001 is damaged" in caplog.text
    for step in range(2, 5):
        store.save(checkpoint(step))
    assert store.names() == ["00000004", "00000003"]
    assert len(everything_below(tmp_path / "checkpoints-before-1" / "00000001")) == left


def test_every_bit_of_a_checkpoint_counts(store):
    for name in CHECKPOINT:
        path = store.folder / "00000001" / name
        content = path.read_bytes()
        for place in range(len(content)):
            changed = bytearray(content)
            changed[place] ^= 1 << place % 8
            path.write_bytes(changed)
            assert store.newest().state["step"] == 0, (name, place)
        path.write_bytes(content)
    assert store.newest().state["step"] == 1


def test_a_passing_io_error_costs_no_checkpoint(tmp_path, store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("hashlib.file_digest", failing)
        assert store.newest() is None
        aside = store.set_aside()
    assert CheckpointStore(aside).newest().state["step"] == 1
    assert len(CheckpointStore(aside).names()) == 2


def test_what_cannot_be_read_while_others_are_dropped_is_kept(tmp_path, store, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("seqrec.training.checkpoints._verify", failing)
        store.save(checkpoint(2))
    kept = [CheckpointStore(path).newest() for path in tmp_path.glob("checkpoints-before-*")]
    assert sorted(found.state["step"] for found in kept) == [0, 1, 2]


def failing(*_):
    raise OSError(5, "Input/output error")


def test_checkpoints_that_are_set_aside_are_numbered_and_never_replaced(tmp_path, store):
    for number in range(1, 4):
        assert store.set_aside() == tmp_path / f"checkpoints-before-{number}"
        store.save(checkpoint(number))
    steps = [
        CheckpointStore(tmp_path / f"checkpoints-before-{number}").newest().state["step"]
        for number in range(1, 4)
    ]
    assert steps == [1, 1, 2]


def test_a_finished_training_that_cannot_be_read_is_not_removed(tmp_path, store):
    store.save(Checkpoint({"w": torch.zeros(4)}, {"step": 2, "finished": True}))
    flipped(store.folder / "00000001" / "state.json")
    assert store.set_aside() is None
    assert store.names() == []
    assert (tmp_path / "checkpoints-before-1" / "00000001" / "state.json").is_file()


def test_a_full_disk_costs_no_checkpoint(store):
    before = everything_below(store.folder)
    with files_of_at_most(300), pytest.raises(ProjectError) as caught:
        store.save(checkpoint(2))
    assert "00000002 cannot be written" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert everything_below(store.folder) == before
    assert store.newest().state["step"] == 1


def test_checkpoints_of_before_are_still_read(tmp_path):
    for path in FILES.glob("data/06_models/*/*/checkpoints"):
        assert CheckpointStore(path).newest() is not None
    copy = shutil.copytree(path, tmp_path / "checkpoints")
    flipped(next(copy.glob("*/tensors.safetensors")))
    assert CheckpointStore(copy).newest() is None


def test_what_is_no_checkpoint_is_left_alone(store):
    (store.folder / "00000007 copy").mkdir()
    (store.folder / "00000009").write_text("a file")
    assert store.newest().state["step"] == 1
    store.save(checkpoint(10))
    assert store.names() == ["00000010", "00000001"]
    assert (store.folder / "00000007 copy").is_dir()


def test_loading_a_version_that_does_not_exist_names_those_that_do(both, tmp_path):
    both("history.csv")
    path = tmp_path / "history.csv"
    asked = KINDS["history.csv"].make(str(path), Version("2027", None))
    assert refused(asked.load) == f"{path} has no version 2027; the newest are {OLD}, {NEW}"
    nothing = KINDS["history.csv"].make(str(tmp_path / "none.csv"), Version(None, None))
    assert not nothing.exists()
    assert refused(nothing.load).startswith(f"{tmp_path / 'none.csv'} has no version: ")
