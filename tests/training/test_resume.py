"""Whatever interrupts a training, it goes on as if nothing had been."""

import itertools
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError, RunInterruptedError
from seqrec.model_registry import MODELS
from seqrec.parameters.training import EARLIER_MEANING, as_earlier
from seqrec.recbole_bridge.api import train
from seqrec.tables import columns as c
from seqrec.training import checkpoints
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.state import IDENTITY, experiment_key, first_difference
from seqrec.training.tally import DivergedError
from tests.conftest import CPU, MODEL_OF, ROOT, cyclic_ratings, process
from tests.recbole_bridge.helpers import experiment_of, recommender_class

VARIES = ["train_seconds", "valid_seconds", "targets_per_second", "memory_gib"]
HARD = {
    "epochs": 5,
    "early_stopping": 5,
    "schedule": "cosine",
    "warmup_steps": 3,
    "ema_decay": 0.9,
    "accumulate": 2,
    "batch_size": 6,
}


@pytest.fixture
def store(tmp_path):
    return CheckpointStore(tmp_path / "checkpoints")


def run(name, files, store=None, resume=False, model=None, **changes):
    options, drops = {**HARD, **changes}, {} if name == "bprmf" else {"dropout": 0.2}
    often = CPU.model_copy(update={"checkpoint_minutes": 1e-9})
    experiment = experiment_of(name, model or MODEL_OF[name](**drops), often, **options)
    return train(experiment, files, store, resume)


def own(store):
    """The checkpoints of the only experiment below a model's folder."""
    folders = [path for path in store.folder.glob("experiment-*") if path.is_dir()]
    return CheckpointStore(folders[0]) if len(folders) == 1 else None


def names(store):
    mine = own(store)
    return set(mine.names()) if mine else set()


def interrupted(files, store, monkeypatch, step=9, **changes):
    with monkeypatch.context() as patch:
        interrupt_at(patch, "ss4rec", step, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(RunInterruptedError):
            run("ss4rec", files, store, resume="auto", **changes)


def interrupt_at(monkeypatch, name, step, action):
    """Have the n-th loss do something first."""
    own, count = recommender_class(name).calculate_loss, iter(range(10**6))

    def loss(self, interaction):
        if next(count) == step:
            action()
        return own(self, interaction)

    monkeypatch.setattr(recommender_class(name), "calculate_loss", loss)


def same(first, second):
    pd.testing.assert_frame_equal(first[1].drop(columns=VARIES), second[1].drop(columns=VARIES))
    for name, x in first[0].weights.items():
        assert torch.equal(x, second[0].weights[name]), name


BASELINES = [name for name in MODELS if name not in ("ss4rec", "ncf")]


@pytest.mark.parametrize(
    ("name", "step", "number"),
    [
        *itertools.product(("ss4rec", "ncf"), (1, 4, 17), (signal.SIGTERM, signal.SIGINT)),
        *((name, 4, signal.SIGTERM) for name in BASELINES),
    ],
)
def test_a_signal_is_obeyed_and_the_rest_comes_out_the_same(
    name, files, store, monkeypatch, step, number
):
    """Dropout, negatives, schedule, average and accumulation on; steps within and at epochs."""
    expected = run(name, files)
    with monkeypatch.context() as patch:
        interrupt_at(patch, name, step, lambda: os.kill(os.getpid(), number))
        with pytest.raises(RunInterruptedError, match=f"signal {number}.*same command") as e:
            run(name, files, store)
        assert e.value.exit_code == 75
    same(run(name, files, store, resume=True), expected)
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_windows_that_leave_out_seen_items_go_on_too(files, store, monkeypatch):
    """Room for what lies before them grows from epoch to epoch, and begins anew."""
    changes = {"candidates": "unseen", "model": MODEL_OF["ss4rec"](max_length=4, dropout=0.2)}
    expected = run("ss4rec", files, **changes)
    interrupted(files, store, monkeypatch, step=17, **changes)
    same(run("ss4rec", files, store, resume=True, **changes), expected)


def test_other_candidates_are_another_experiment_and_earlier_ones_were_all(
    files, store, monkeypatch
):
    """Checkpoints of earlier versions, which could not say it, are found under the same key."""
    interrupted(files, store, monkeypatch, candidates="all")
    record = own(store).newest().state[IDENTITY]
    assert record["training"]["candidates"] == "all"
    other = {**record, "training": {**record["training"], "candidates": "unseen"}}
    earlier = {**record, "training": as_earlier(record["training"])}
    assert earlier["training"].keys() == record["training"].keys() - EARLIER_MEANING.keys()
    assert own(store).folder.name == f"experiment-{experiment_key(earlier)}"
    assert experiment_key(other) != experiment_key(record) == experiment_key(earlier)
    assert first_difference(earlier, record) is None
    assert first_difference(earlier, other) == "training.candidates = all, this run unseen"
    for checkpoint in own(store).folder.iterdir():
        checkpoint.rename(store.folder / checkpoint.name)
    with pytest.raises(ProjectError, match=r"training\.candidates = all, this run unseen"):
        run("ss4rec", files, store, resume=True, candidates="unseen")


def test_a_crash_loses_what_came_after_the_last_checkpoint_only(files, store, monkeypatch):
    expected = run("ss4rec", files)

    def crash():
        raise RuntimeError("the machine is gone")

    with monkeypatch.context() as patch:
        interrupt_at(patch, "ss4rec", 15, crash)
        with pytest.raises(RuntimeError, match="gone"):
            run("ss4rec", files, store)
    same(run("ss4rec", files, store, resume=True), expected)


def test_a_finished_training_is_not_trained_again(files, store, monkeypatch):
    expected = run("ss4rec", files, store)
    with monkeypatch.context() as patch:
        interrupt_at(patch, "ss4rec", 0, lambda: pytest.fail("it trains"))
        same(run("ss4rec", files, store, resume=True), expected)


def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(
    files, store, monkeypatch, caplog
):
    expected = run("ss4rec", files)
    with monkeypatch.context() as patch:
        interrupt_at(patch, "ss4rec", 17, lambda: os.kill(os.getpid(), signal.SIGTERM))
        with pytest.raises(RunInterruptedError):
            run("ss4rec", files, store)
    newest, _ = sorted(own(store).folder.iterdir(), reverse=True)
    path = newest / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    same(run("ss4rec", files, store, resume=True), expected)
    assert f"{newest.name} is damaged" in caplog.text


@pytest.mark.parametrize("damage", ["cut", "empty", "gone", "json"])
def test_every_damage_is_noticed(files, store, damage):
    run("ss4rec", files, store, epochs=1)
    for folder in own(store).folder.iterdir():
        tensors, state = folder / "tensors.safetensors", folder / "state.json"
        if damage == "cut":
            tensors.write_bytes(tensors.read_bytes()[:-100])
        elif damage == "empty":
            tensors.write_bytes(b"")
        elif damage == "gone":
            tensors.unlink()
        else:
            state.write_text(state.read_text()[:50])
    assert own(store).newest() is None


def test_nan_stops_with_the_tensors_name_and_the_last_good_checkpoint_stays(
    files, store, monkeypatch
):
    """A poisoned gradient within an epoch; the weights before it can be gone on with."""
    expected = run("ss4rec", files)

    def poison(recommender):
        weight = recommender.encoder.blocks[0].time_aware.log_step
        weight.register_hook(lambda gradient: gradient * float("nan"))

    usual, count = recommender_class("ss4rec").calculate_loss, iter(range(10**6))

    def loss(self, interaction):
        if next(count) == 12:
            poison(self)
        return usual(self, interaction)

    with monkeypatch.context() as patch:
        patch.setattr(recommender_class("ss4rec"), "calculate_loss", loss)
        message = r"gradient of encoder\.blocks\.0\.time_aware\.log_step is nan in epoch 1, step 2"
        with pytest.raises(DivergedError, match=message):
            run("ss4rec", files, store)
    kept = own(store).newest()
    assert all(torch.isfinite(x).all() for x in kept.tensors.values() if x.is_floating_point())
    assert (kept.state["epoch"], kept.state["step"]) == (1, 2)
    same(run("ss4rec", files, store, resume=True), expected)


OTHERS = [
    ({"batch_size": 7}, r"ss4rec\.training\.batch_size = 6, this run 7"),
    ({"learning_rate": 0.5}, r"ss4rec\.training\.learning_rate = 0\.01, this run 0\.5"),
    ({"model": MODEL_OF["ss4rec"](d_state=8)}, r"ss4rec\.model\.d_state = 4, this run 8"),
]


@pytest.mark.parametrize(("changes", "complaint"), OTHERS)
def test_an_earlier_layouts_checkpoint_of_another_experiment_is_refused(
    files, store, monkeypatch, changes, complaint
):
    """Before experiments had folders of their own, checkpoints lay in the model's."""
    interrupted(files, store, monkeypatch)
    for checkpoint in own(store).folder.iterdir():
        checkpoint.rename(store.folder / checkpoint.name)
    with pytest.raises(ProjectError, match=complaint):
        run("ss4rec", files, store, resume=True, **changes)


@pytest.mark.parametrize("resume", ["auto", True])
def test_another_experiment_is_neither_resumed_nor_lost(files, store, monkeypatch, resume):
    """The same command goes on, whatever else was trained in the folder meanwhile."""
    interrupted(files, store, monkeypatch)
    other = run("ss4rec", files, store, resume=resume, batch_size=7)
    same(other, run("ss4rec", files, batch_size=7))
    drops = MODEL_OF["ss4rec"](dropout=0.2)
    same(run("ss4rec", files, store, resume="auto", model=drops), run("ss4rec", files))


def test_data_with_other_held_out_items_is_another_experiment(make_files, store, monkeypatch):
    """A training that went on would have learned items that are held out now."""
    ratings = cyclic_ratings()
    last = ratings.groupby(c.USER)[c.TIMESTAMP].transform("max") == ratings[c.TIMESTAMP]
    first, second = (make_files(process(x)) for x in (ratings, ratings[~last]))
    assert first.fingerprint != second.fingerprint
    interrupted(first, store, monkeypatch)
    same(run("ss4rec", second, store, resume="auto"), run("ss4rec", second))


def test_a_second_training_of_the_same_experiment_is_refused(files, store, monkeypatch):
    with monkeypatch.context() as patch:

        def second():
            with pytest.raises(
                ProjectError, match=f"is being trained .* by process {os.getpid()}"
            ):
                run("ss4rec", files, store, resume="auto")

        interrupt_at(patch, "ss4rec", 3, second)
        first = run("ss4rec", files, store)
    assert first[1]["epoch"].tolist() == list(range(5))


def test_a_finished_training_can_be_given_more_epochs(files, store):
    short = {"schedule": "constant"}
    expected = run("ss4rec", files, **short)
    run("ss4rec", files, store, epochs=2, **short)
    same(run("ss4rec", files, store, resume=True, **short), expected)


def test_starting_anew_puts_an_unfinished_training_aside(files, store, monkeypatch, caplog):
    interrupted(files, store, monkeypatch)
    folder = own(store).folder
    run("ss4rec", files, store, epochs=1)
    assert "unfinished training are now in" in caplog.text
    aside = CheckpointStore(folder.with_name(f"{folder.name}-before-1"))
    assert not aside.newest().state["finished"]
    run("ss4rec", files, store, epochs=1)
    assert caplog.text.count("starts anew") == 1


def test_resuming_where_nothing_was_kept_starts_anew_and_says_so(files, store, caplog):
    same(run("ss4rec", files, store, resume=True), run("ss4rec", files))
    assert "has no checkpoint to resume from" in caplog.text


KILLED = """
import sys
from pathlib import Path
from tests.training.test_resume import run
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.checkpoints import CheckpointStore
run("ss4rec", AtomicFiles(Path(sys.argv[1]), sys.argv[2]), CheckpointStore(Path(sys.argv[3])))
"""


def test_a_checkpoint_of_the_same_step_never_replaces_the_only_one(files, store, monkeypatch):
    """A resumed training begins with one; what stops it half-way must not cost the first."""
    interrupted(files, store, monkeypatch, step=0)
    kept = own(store).newest()

    replace = Path.replace

    def torn(path, target):
        if not Path(target).name.startswith("."):  # what makes way may still do so
            raise OSError("disk full")
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", torn)
        with pytest.raises(
            ProjectError, match=r"cannot be written .disk full.*earlier checkpoints"
        ):
            own(store).save(kept)
    assert own(store).newest().state == kept.state
    same(run("ss4rec", files, store, resume=True), run("ss4rec", files))


def test_a_full_disk_ends_a_training_in_one_line_and_it_can_be_resumed(files, store, monkeypatch):
    expected = run("ss4rec", files)
    write, count = checkpoints._write, itertools.count()

    def full(checkpoint, target):
        if next(count) > 2:
            raise OSError(28, "No space left on device")
        write(checkpoint, target)

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", full)
        with pytest.raises(ProjectError, match=r"^checkpoint \S+ cannot be written .*No space"):
            run("ss4rec", files, store)
    assert len(own(store).names()) == 2
    same(run("ss4rec", files, store, resume=True), expected)


def test_kill_9_at_any_moment_leaves_a_whole_checkpoint(files, store):
    """Killed three times at moments of its own choosing, resumed each time."""
    expected = run("ss4rec", files)
    script = KILLED.replace("[3])))", "[3])), resume=True)")
    arguments = [str(files.data_path), files.dataset, str(store.folder)]
    for delay in (0.05, 0.0, 0.11):
        before = names(store)
        command = [sys.executable, "-X", "faulthandler", "-c", script, *arguments]
        process = subprocess.Popen(command, cwd=ROOT)
        while process.poll() is None and names(store) == before:
            time.sleep(0.002)
        time.sleep(delay)
        process.kill()
        assert process.wait() in (0, -signal.SIGKILL)
        assert own(store).newest() is not None
    same(run("ss4rec", files, store, resume=True), expected)
