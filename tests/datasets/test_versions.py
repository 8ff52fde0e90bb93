"""Which version is the latest, what it came from, and that a failing save leaves none."""

import inspect
import json
import shutil
import subprocess
import sys
import time

import pandas as pd
import pytest
from kedro.io import DataCatalog, DatasetError
from kedro.io.core import Version

from seqrec.artefacts import version_folders
from seqrec.artefacts.remedies import make_anew
from seqrec.datasets.artefact import ArtefactDataset
from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from tests.conftest import ROOT
from tests.datasets.full_disk import files_of_at_most
from tests.datasets.kinds import KINDS, NEW, OLD, later, save_both

CSV = {"type": "pandas.CSVDataset"}
BEHIND, AHEAD = "2020-01-01T00.00.00.000Z", "2099-01-01T00.00.00.000Z"


@pytest.fixture(autouse=True)
def fresh_warnings():
    version_folders._warn_once.cache_clear()


def history(folder, load=None, save=None):
    path = str(folder / "history.csv")
    return ArtefactDataset(filepath=path, dataset=CSV, version=Version(load, save))


def save(folder, version, value):
    """Save a table as a run does that is called like its version."""
    history(folder, save=version).save(pd.DataFrame({"value": [value]}))


def value(dataset):
    return int(dataset.load()["value"].iloc[0])


def manifest(folder, version):
    return json.loads((folder / "history.csv" / version / "manifest.json").read_text())


def test_the_version_written_last_is_the_latest_whatever_the_clock_says(tmp_path):
    for number, version in enumerate((AHEAD, OLD, BEHIND), start=1):
        save(tmp_path, version, number)
        assert value(history(tmp_path)) == number
    assert [manifest(tmp_path, v)["sequence"] for v in (AHEAD, OLD, BEHIND)] == [1, 2, 3]
    known = history(tmp_path).versions()
    assert [version.version for version in known] == [AHEAD, OLD, BEHIND]
    listed = history(tmp_path).list_versions(full_path=False)
    assert listed == [BEHIND, OLD, AHEAD]


def test_a_named_version_is_loaded_as_kedro_does(tmp_path):
    save(tmp_path, OLD, 1)
    save(tmp_path, NEW, 2)
    assert value(history(tmp_path, load=OLD)) == 1
    config = {"history": {"type": ArtefactDataset, "filepath": str(tmp_path / "history.csv")}}
    config["history"] |= {"dataset": CSV, "versioned": True}
    assert DataCatalog.from_config(config).load("history")["value"].tolist() == [2]
    pinned = DataCatalog.from_config(config, load_versions={"history": OLD})
    assert pinned.load("history")["value"].tolist() == [1]
    assert DataCatalog.from_config(config).load("history", version=OLD)["value"].tolist() == [1]


@pytest.mark.parametrize("name", ["zz", AHEAD])
def test_a_copied_folder_is_no_version(tmp_path, caplog, name):
    save(tmp_path, OLD, 1)
    shutil.copytree(tmp_path / "history.csv" / OLD, tmp_path / "history.csv" / name)
    save(tmp_path, NEW, 2)
    for _ in range(3):
        assert value(history(tmp_path)) == 2
    assert caplog.text.count(f"{name} is a copy of version {OLD} or was renamed") == 1


LEFT = ["nothing", "empty file", "empty folder", "hidden", "a file"]
LEFT += ["empty manifest", "empty file and manifest", "folder of an empty file"]


@pytest.mark.parametrize("left", LEFT)
def test_what_a_crash_leaves_is_never_the_latest(tmp_path, left):
    save(tmp_path, OLD, 1)
    folder = tmp_path / "history.csv" / (f".{NEW}" if left == "hidden" else NEW)
    if left == "a file":
        folder.write_text("value\n3\n")
    else:
        folder.mkdir()
    if "folder" in left:
        (folder / "history.csv").mkdir()
    if left == "folder of an empty file":
        (folder / "history.csv" / "config.json").touch()
    elif left == "hidden":
        (folder / "history.csv").write_text("value\n3\n")
    elif "empty file" in left:
        (folder / "history.csv").touch()
    if "manifest" in left:
        (folder / "manifest.json").touch()
    assert value(history(tmp_path)) == 1
    assert len(history(tmp_path).versions()) == 1


def test_a_run_loads_what_it_has_written_itself(tmp_path):
    """Another run that ends meanwhile changes nothing for it."""
    ours = history(tmp_path, save=OLD)
    ours.save(pd.DataFrame({"value": [1]}))
    save(tmp_path, NEW, 2)
    ours.release()
    assert value(ours) == 1
    assert value(history(tmp_path, save=OLD)) == 1  # interactions@ibis and interactions@pandas
    assert value(history(tmp_path)) == 2


ANOTHER_RUN = """
import sys
from pathlib import Path
from tests.datasets.test_versions import NEW, save
save(Path(sys.argv[1]), NEW, 2)
"""


def test_another_run_with_the_same_id_is_another_run(tmp_path):
    """Both have begun in the same millisecond; their versions must not become one."""
    save(tmp_path, OLD, 1)
    reads, writes = history(tmp_path, save=NEW), history(tmp_path, save=NEW)
    reads.load()
    subprocess.run([sys.executable, "-c", ANOTHER_RUN, tmp_path], cwd=ROOT, check=True)
    save(tmp_path, AHEAD, 3)
    reads.release()
    assert value(reads) == 3  # the newest, as for anybody; not "its own"
    with pytest.raises(ProjectError, match=r"^\S+ is there already: another run .* again$"):
        writes.save(pd.DataFrame({"value": [4]}))


def test_versions_of_before_are_older_than_any_with_a_manifest(tmp_path, caplog):
    for version, number in ((OLD, 1), (AHEAD, 2)):
        folder = tmp_path / "history.csv" / version
        folder.mkdir(parents=True)
        (folder / "history.csv").write_text(f"value\n{number}\n")
    (tmp_path / "history.csv" / "backup").mkdir()
    (tmp_path / "history.csv" / "backup" / "history.csv").write_text("value\n9\n")
    assert value(history(tmp_path)) == 2
    assert not caplog.text
    save(tmp_path, NEW, 3)
    assert value(history(tmp_path)) == 3
    assert f"{AHEAD} has no manifest.json: it counts as older than {NEW}" in caplog.text
    known = history(tmp_path).versions()
    assert [(x.sequence, x.version) for x in known] == [(0, OLD), (0, AHEAD), (1, NEW)]


def test_a_manifest_of_a_later_format_is_refused(tmp_path):
    save(tmp_path, OLD, 1)
    path = tmp_path / "history.csv" / OLD / "manifest.json"
    values = {**manifest(tmp_path, OLD), "format": 2}
    path.write_text(json.dumps(values))
    with pytest.raises(ProjectError, match=r"^\S+manifest.json is not what was written: "):
        history(tmp_path).load()


FACTS = {"fingerprint": "f00d", "model": {"name": "toy", "sizes": [1, 2]}, "score": 0.25}


@pytest.mark.parametrize("kind", ["history.csv", "target_ranks.parquet"])
@pytest.mark.parametrize("versioned", [True, False])
def test_what_a_table_came_from_goes_with_it(tmp_path, kind, versioned):
    made = KINDS[kind]
    dataset = made.make(str(tmp_path / kind), Version(None, OLD) if versioned else None)
    dataset.run_facts = {"run": "the run", "score": 1.0}
    table = made.data(1)
    table.attrs.update(facts=FACTS, other="kept")
    dataset.save(table)
    assert table.attrs["facts"] == FACTS
    expected = {"run": "the run", **FACTS}
    loaded = dataset.load()
    assert loaded.attrs["facts"] == expected
    assert dataset.facts() == expected
    assert made.value(loaded) == made.value(table)
    plain = made.make(str(tmp_path / kind), None) if not versioned else None
    if plain:  # only the manifest tells it
        (tmp_path / f"{kind}.manifest.json").unlink()
        assert plain.load().attrs["facts"] == {}


def test_facts_of_models_and_data_are_those_of_their_files(tmp_path):
    for kind, expected in (("weights", {"name": "toy2"}), ("toy", {"users": 2, "made": 2})):
        dataset = save_both(kind, tmp_path)
        assert dataset.facts() == expected
        for manifest_file in (tmp_path / kind).glob("*/manifest.json"):
            manifest_file.unlink()
        assert later(kind, tmp_path).facts() == expected  # of a version of before
        assert later(kind, tmp_path).versions()[-1].facts == expected


RANKS = pd.DataFrame(
    {
        c.USER: ["1"],
        c.ITEM: ["2"],
        c.MASK: [c.MASKED],
        c.QUERY_TIME: [c.KNOWN],
        c.RANK: [1.0],
        c.CANDIDATES: [3],
    }
)


def test_facts_pass_the_catalogs_validator_which_stays_in_force(tmp_path):
    config = {
        "type": ArtefactDataset,
        "filepath": str(tmp_path / "target_ranks.parquet"),
        "dataset": {"type": "pandas.ParquetDataset"},
        "versioned": True,
        "validator": "seqrec.tables.schemas.TargetRanks",
    }
    catalog = DataCatalog.from_config({"ranks": config})
    table = RANKS.copy()
    table.attrs["facts"] = FACTS
    catalog.save("ranks", table)
    assert catalog.load("ranks").attrs["facts"] == FACTS
    catalog = DataCatalog.from_config({"ranks": config})
    with pytest.raises(DatasetError, match="rank ≤ n_candidates"):
        catalog.save("ranks", table.assign(**{c.RANK: 4.0}))
    assert len(catalog["ranks"].versions()) == 1
    catalog["ranks"].save(table.assign(**{c.RANK: 4.0}))
    with pytest.raises(DatasetError, match="rank ≤ n_candidates"):
        catalog.load("ranks")


def test_a_manifest_lists_every_file_with_size_and_checksum(tmp_path):
    import xxhash

    for kind, made in KINDS.items():
        save_both(kind, tmp_path)
        folder = tmp_path / kind / NEW
        files = json.loads((folder / "manifest.json").read_text())["files"]
        assert set(made.files) <= set(files)
        for name, record in files.items():
            content = (folder / name).read_bytes()
            assert record == {"bytes": len(content), "xxh3": xxhash.xxh3_64_hexdigest(content)}


@pytest.mark.parametrize("versioned", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_a_full_disk_leaves_nothing_and_is_one_line(tmp_path, kind, versioned):
    path = tmp_path / "data" / kind
    dataset = KINDS[kind].make(str(path), Version(None, NEW) if versioned else None)
    with files_of_at_most(10), pytest.raises(ProjectError) as caught:
        dataset.save(KINDS[kind].data(1))
    assert isinstance(caught.value, DatasetError)
    assert "\n" not in str(caught.value)
    assert "File too large" in str(caught.value) or "cannot be computed" in str(caught.value)
    assert not everything_below(tmp_path)
    assert not dataset.exists()
    dataset.save(KINDS[kind].data(2))
    dataset.load()


def everything_below(folder):
    return [path for path in folder.rglob("*") if not path.is_dir()]


@pytest.mark.parametrize("when", ["os.fsync", "pathlib.Path.replace"])
def test_a_failure_at_the_end_leaves_nothing_either(tmp_path, monkeypatch, when):
    save(tmp_path, OLD, 1)
    before = everything_below(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(when, full)
        with pytest.raises(ProjectError, match=r"^\S+ cannot be written: No space left on device"):
            save(tmp_path, NEW, 2)
    assert everything_below(tmp_path) == before
    assert value(history(tmp_path)) == 1


def test_killed_between_data_and_manifest_leaves_whole_data(tmp_path, monkeypatch):
    dataset = ArtefactDataset(filepath=str(tmp_path / "history.csv"), dataset=CSV)
    dataset.save(pd.DataFrame({"value": [1]}))

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("seqrec.artefacts.commit.new_file", killed)
        with pytest.raises(KeyboardInterrupt):
            dataset.save(pd.DataFrame({"value": [2]}))
    assert value(dataset) == 2


def test_a_wrapped_dataset_that_fails_leaves_nothing(tmp_path):
    with pytest.raises(ProjectError, match=r"history\.csv cannot be written: .*to_csv"):
        history(tmp_path, save=OLD).save("no table")
    assert not everything_below(tmp_path)


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "history.csv").write_text("was unversioned once")
    with pytest.raises(ProjectError, match=r"^\S+ cannot be written: (Not a dir|File exists)"):
        save(tmp_path, OLD, 1)


SAVING = """
import sys
import pandas as pd
from kedro.io.core import Version
from seqrec.datasets.artefact import ArtefactDataset
csv = {"type": "pandas.CSVDataset"}
table = pd.DataFrame({"value": range(20_000)})
for number in range(10**6):
    version = Version(None, f"2026-01-01T00.00.00.{number:03d}Z")
    ArtefactDataset(filepath=sys.argv[1], dataset=csv, version=version).save(table)
"""


def test_kill_9_at_any_moment_leaves_whole_versions_only(tmp_path):
    path = tmp_path / "history.csv"
    command = [sys.executable, "-c", SAVING, str(path)]
    for delay in (0.0, 0.011, 0.023):
        shutil.rmtree(path, ignore_errors=True)
        process = subprocess.Popen(command, cwd=ROOT)
        while not list(path.glob("2*")) and process.poll() is None:
            time.sleep(0.002)
        time.sleep(delay)
        process.kill()
        process.wait()
        for known in history(tmp_path).versions():
            assert len(history(tmp_path, load=known.version).load()) == 20_000
        assert len(history(tmp_path).versions()) == len(list(path.glob("2*")))


def test_the_command_that_makes_a_dataset_is_found():
    from kedro.framework.project import configure_project

    configure_project("seqrec")
    assert make_anew("ncf.weights") == "`kedro run --pipelines train_ncf` makes it anew"
    assert "--pipelines data_processing`" in make_anew("interactions@pandas")
    assert "--pipelines evaluation`" in make_anew("report")
    assert make_anew("tracked_run") == make_anew(None) == "run again what writes it"


def test_only_datasets_that_can_be_previewed_have_a_preview(tmp_path):
    for kind in ("history.csv", "target_ranks.parquet"):
        shown = save_both(kind, tmp_path).preview(nrows=2)
        assert shown["columns"] == [c.USER, c.RANK]
        assert len(shown["data"]) == 2
    plot = save_both("loss_plot.json", tmp_path)
    assert inspect.signature(plot.preview).return_annotation == "PlotlyPreview"
    assert "data" in plot.preview()
    text = save_both("report.html", tmp_path)
    assert not hasattr(text, "anything_else")


def test_a_folder_that_may_not_be_read_is_one_line(tmp_path, monkeypatch):
    save(tmp_path, OLD, 1)

    def forbidden(_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(version_folders, "_folders", forbidden)
    with pytest.raises(ProjectError, match=r"^\S+history\.csv cannot be read .Permission denied"):
        history(tmp_path).load()
