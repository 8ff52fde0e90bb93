"""Each workaround's reason, reproduced: a test that fails here says a workaround can go."""

import subprocess
import sys
import warnings
from pathlib import Path

import pytest
import recbole
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation
from recbole.data.dataset import Dataset
from recbole.model.abstract_recommender import GeneralRecommender, SequentialRecommender
from recbole.trainer import Trainer
from recbole.utils import InputType

from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.tables import columns as c
from tests.recbole_bridge.helpers import config_of, loaders_of


class Plain(GeneralRecommender):
    """A model in RecBole's own manner."""

    input_type = InputType.POINTWISE

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.items = torch.nn.Embedding(self.n_items, 1)

    def full_sort_predict(self, interaction):
        return self.items.weight[:, 0].expand(len(interaction), -1).clone()


class NumpyConfig(Config):
    """RecBole's Config with nothing mended but the names it needs to start."""

    compatibility_settings = BridgeConfig.compatibility_settings


def plain_config(files, model=Plain, **values):
    settings = {
        "data_path": str(files.data_path),
        "TIME_FIELD": c.POSITION,
        "load_col": {"inter": [c.USER, c.ITEM, c.POSITION]},
        "gpu_id": "",
        "eval_args": {
            "split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full",
        },
    }  # fmt: skip
    return NumpyConfig(model=model, dataset=files.dataset, config_dict={**settings, **values})


@pytest.fixture(autouse=True)
def quiet(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["recbole"])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    monkeypatch.chdir(tmp_path)


def test_plain_recbole_loads_the_files_and_holds_out_the_marked_items(files, interactions):
    config = plain_config(files)
    _, valid, test = data_preparation(config, create_dataset(config))
    for split, loader in ((c.VALID, valid), (c.TEST, test)):
        marked = interactions[interactions[c.SPLIT] == split]
        dataset = loader._dataset
        users = dataset.id2token(c.USER, dataset.inter_feat[c.USER])
        items = dataset.id2token(c.ITEM, dataset.inter_feat[c.ITEM])
        assert dict(zip(users, items, strict=True)) == dict(
            zip(marked[c.USER], marked[c.ITEM], strict=True)
        )


def test_plain_recbole_reads_the_item_file(files):
    config = plain_config(files, load_col={"inter": [c.USER, c.ITEM], "item": [c.ITEM, c.YEAR]})
    config["eval_args"]["order"] = "RO"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert c.YEAR in Dataset(config).item_feat.columns


def test_recbole_still_needs_numpy_names_that_numpy_2_removed(files):
    with pytest.raises(AttributeError, match=r"np\.float_"):
        Config(model=Plain, dataset=files.dataset, config_dict={"data_path": "."})


def test_recbole_still_reads_the_command_line(files, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["kedro", "run", "--learning_rate=0.5"])
    assert plain_config(files)["learning_rate"] == 0.5
    assert config_of("ncf", files)["learning_rate"] == 0.01


def test_recbole_still_evaluates_strings(files):
    assert plain_config(files, note="1 + 1")["note"] == 2
    config = config_of("ncf", files)
    assert config._convert_config_dict({"note": "1 + 1"}) == {"note": "1 + 1"}


def test_recbole_still_hides_the_gpus(files, monkeypatch):
    import os

    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "3")
    config_of("ncf", files)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "3"
    plain_config(files, gpu_id="0")
    assert os.environ["CUDA_VISIBLE_DEVICES"] == "0"


def test_recbole_still_replaces_a_dataset_called_ml_100k(files):
    config = NumpyConfig(model=Plain, dataset="ml-100k", config_dict={"data_path": "elsewhere"})
    assert Path(recbole.__file__).parent in Path(config["data_path"]).resolve().parents


class PlainSequence(SequentialRecommender):
    """A model of histories in RecBole's own manner."""

    input_type = InputType.POINTWISE


def test_recbole_still_masks_general_models_only(files):
    general, sequential = (plain_config(files, model=m) for m in (Plain, PlainSequence))
    *_, test = data_preparation(general, create_dataset(general))
    assert next(iter(test))[1] is not None
    *_, test = data_preparation(sequential, create_dataset(sequential))
    assert next(iter(test))[1] is None


def test_recbole_still_lets_nan_rank_first(files):
    config = plain_config(files, topk=[20])
    *_, test = data_preparation(config, create_dataset(config))
    trainer = Trainer(config, Plain(config, test._dataset))
    with torch.no_grad():
        trainer.model.items.weight.fill_(float("nan"))
    assert trainer.evaluate(test, False)["hit@20"] > 0


def test_recbole_still_writes_into_the_working_directory(files, tmp_path):
    loaders = loaders_of("ncf", files)
    before = {path.name for path in tmp_path.iterdir()}
    Trainer(loaders.parts.config, loaders.parts.recommender).tensorboard.close()
    assert {path.name for path in tmp_path.iterdir()} - before == {"log_tensorboard", "saved"}


def test_recboles_float32_clock_still_moves_held_out_items(make_files):
    """With Unix seconds as TIME_FIELD, differences below 64 s vanish before the sort."""
    from tests.conftest import cyclic_ratings, process

    ratings = cyclic_ratings()
    ratings[c.TIMESTAMP] = 880_000_000 + ratings.groupby(c.USER).cumcount(ascending=False) * 7
    interactions = process(ratings)
    files = make_files(interactions)
    load = {"load_col": {"inter": [c.USER, c.ITEM, c.TIMESTAMP]}, "TIME_FIELD": c.TIMESTAMP}
    seconds = Dataset(plain_config(files, **load))
    seconds._change_feat_format()
    distinct = interactions[c.TIMESTAMP].nunique()
    assert len(seconds.inter_feat[c.TIMESTAMP].unique()) < distinct / 4


def test_importing_recboles_sequential_models_slows_every_backward_pass_down():
    """SINE switches anomaly detection on when it is imported; ours switches it off again."""
    told = "import torch, {}; print(torch.is_anomaly_enabled())"
    for module, expected in (
        ("recbole.model.sequential_recommender", "True"),
        ("seqrec.recbole_bridge.recommenders", "False"),
    ):
        command = [sys.executable, "-W", "ignore", "-c", told.format(module)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert done.stdout.strip().endswith(expected), module
