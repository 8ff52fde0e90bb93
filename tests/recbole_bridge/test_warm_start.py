"""Going on from a trained model: every row stays with its name."""

import os
import signal

import numpy as np
import pandas as pd
import pytest
import torch

from seqrec.errors import ProjectError, RunInterruptedError
from seqrec.model_registry import MODELS
from seqrec.models.artifact import KeptTraining
from seqrec.recbole_bridge import api
from seqrec.recbole_bridge.api import rank, train
from seqrec.recbole_bridge.warm_start import TABLES, table_of, take_over
from seqrec.tables import columns as c
from seqrec.training.checkpoints import CheckpointStore
from seqrec.training.start import ForUse, Start
from tests.conftest import CPU, cyclic_ratings, process
from tests.recbole_bridge.helpers import experiment_of, loaders_of, train_of

each_model = pytest.mark.parametrize("name", MODELS)


@pytest.fixture
def grown(make_files):
    """The same events, and a user before all others who begins with two new items."""
    more = [("00", item, 1.0, 880_000_000 + place) for place, item in enumerate((90, 91, 5, 6, 7))]
    log = pd.concat([cyclic_ratings(), pd.DataFrame(more, columns=cyclic_ratings().columns)])
    return make_files(process(log, item_core=1))


def version_of(artifact):
    return KeptTraining("2026-01-01T00.00.00.000Z", artifact)


@each_model
def test_every_row_follows_its_name(name, files, grown):
    artifact, _ = train_of(name, files)
    parts = loaders_of(name, grown).parts
    drawn = {key: value.clone() for key, value in parts.recommender.state_dict().items()}
    counts = take_over(parts.recommender, parts.dataset, version_of(artifact), name)
    assert counts["new_items"] == 2
    assert counts["dropped_items"] == 0
    known = {c.ITEM: artifact.items, c.USER: artifact.users}
    moved = 0
    for key, value in parts.recommender.state_dict().items():
        before = artifact.weights[key]
        if value.shape == before.shape:
            assert torch.equal(value, before)
            continue
        (field,) = [f for f, kind in TABLES.items() if kind in key]
        names = known[field][field].tolist()
        rows = [parts.dataset.field2token_id[field][token] for token in names]
        assert torch.equal(value[rows], before[1:])
        new = sorted(set(range(1, len(value))) - set(rows))
        assert rows != list(range(1, len(rows) + 1))
        torch.testing.assert_close(value[new], drawn[key][new] + before[1:].mean(0))
        moved += 1
    assert moved


@each_model
def test_a_table_is_known_by_what_grows_with_the_data(name, files, grown):
    """A tensor whose rows are items or users is found by its name, for every model."""
    artifact, _ = train_of(name, files)
    larger = loaders_of(name, grown).parts.recommender.state_dict()
    grows = {key for key, x in artifact.weights.items() if x.shape != larger[key].shape}
    known = {
        c.ITEM: artifact.items[c.ITEM].to_numpy(),
        c.USER: None if artifact.users is None else artifact.users[c.USER].to_numpy(),
    }
    tables = {
        key
        for key, x in artifact.weights.items()
        if table_of(key, len(x) if x.dim() else 0, known)
    }
    assert tables == grows


@each_model
def test_going_on_with_the_same_data_begins_where_the_other_ended(name, files):
    artifact, _ = train_of(name, files)
    same = experiment_of(name, warm_start="2026-01-01T00.00.00.000Z", epochs=1)
    frozen = api.assemble(same, files, loaders_of(name, files).feed.processes)
    take_over(frozen.recommender, frozen.dataset, version_of(artifact), name)
    for key, value in frozen.recommender.state_dict().items():
        assert torch.equal(value, artifact.weights[key])


def test_it_learns_less_that_is_new_than_training_anew(files, grown):
    """The first epoch begins with a lower loss, and new items can be listed."""
    artifact, _ = train_of("ss4rec", files, epochs=20, early_stopping=20)
    _, anew = train_of("ss4rec", grown, epochs=1)
    start = Start(before=version_of(artifact))
    experiment = experiment_of("ss4rec", epochs=1, warm_start=start.before.version)
    gone_on, log = train(experiment, grown, start=start)
    assert log["loss"][0] < 0.7 * anew["loss"][0]
    assert gone_on.config["warm_start"]["new_items"] == 2
    assert rank(gone_on, grown, CPU)[c.USER].nunique() == 25


def test_a_version_is_not_gone_on_from_by_accident(files):
    with pytest.raises(ProjectError, match="only train_ss4rec goes on from a version"):
        train_of("ss4rec", files, warm_start="2026-01-01T00.00.00.000Z")


def test_a_version_that_does_not_know_its_items_is_refused(files, grown):
    artifact, _ = train_of("ss4rec", files)
    old = api.ModelArtifact(artifact.weights, artifact.config)
    parts = loaders_of("ss4rec", grown).parts
    with pytest.raises(ProjectError, match="does not say which items its rows are"):
        take_over(parts.recommender, parts.dataset, version_of(old), "ss4rec")


@pytest.fixture
def everything(make_files):
    return make_files(process(cyclic_ratings(), split="all"), split="all")


FOR_USE = Start(ForUse(epochs=3))


@pytest.mark.parametrize("name", ["ss4rec", "ncf"])
def test_where_nothing_is_held_out_all_is_learned_for_the_epochs_given(name, everything):
    seen = []
    experiment = experiment_of(name, epochs=50, early_stopping=1, ema_decay=0.5)
    artifact, log = train(experiment, everything, start=FOR_USE, callback=seen.append)
    assert len(log) == len(seen) == 3
    assert not any(event.best for event in seen)
    assert (log["valid_seconds"] == 0).all()
    assert artifact.config["best_score"] is None
    assert artifact.config["for_use"]["epochs"] == 3
    assert rank(artifact, everything, CPU).empty
    if name == "ss4rec":
        events = pd.read_parquet(everything.data_path / "toy-files" / "interactions.parquet")
        learned = len(events) - events[c.USER].nunique()
        rows = loaders_of(name, everything).train
        assert int(rows.start(0).targets.sum()) == learned


def test_fewer_epochs_follow_the_same_schedule(everything):
    """The learning rate falls over the epochs of the training that chose them."""
    changes = {"epochs": 10, "schedule": "cosine"}
    _, three = train(experiment_of("ss4rec", **changes), everything, start=FOR_USE)
    _, ten = train(experiment_of("ss4rec", **changes), everything, start=Start(ForUse(10)))
    np.testing.assert_allclose(three["learning_rate"], ten["learning_rate"][:3])
    np.testing.assert_allclose(three["loss"], ten["loss"][:3], rtol=1e-5)


def test_an_interrupted_one_ends_alike_and_another_number_of_epochs_is_another(
    everything, tmp_path
):
    experiment = experiment_of("ss4rec", epochs=50)
    whole, _ = train(experiment, everything, start=FOR_USE)
    store = CheckpointStore(tmp_path / "checkpoints")

    def stop(event):
        if event.epoch == 1:
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(RunInterruptedError):
        train(experiment, everything, store, "auto", stop, FOR_USE)
    resumed, log = train(experiment, everything, store, "auto", start=FOR_USE)
    assert len(log) == 3
    for key, value in whole.weights.items():
        torch.testing.assert_close(resumed.weights[key], value)
    shorter, log = train(experiment, everything, store, "auto", start=Start(ForUse(2)))
    assert len(log) == 2
    assert not all(
        torch.equal(shorter.weights[key], value) for key, value in whole.weights.items()
    )
