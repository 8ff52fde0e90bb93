"""RecBole's Config without its surprises."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.utils import InputType, ModelType

from seqrec.parameters import Training
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import AtomicFiles
from seqrec.training.experiment import Experiment

_RECBOLE_METRIC = {"HR@10": "Hit@10", "NDCG@10": "NDCG@10", "MRR@10": "MRR@10"}


class BridgeConfig(Config):
    """Config that takes its values from us alone.

    RecBole's own reads ``sys.argv`` (Kedro's flags), passes every string through ``eval``, sets
    ``CUDA_VISIBLE_DEVICES`` and uses numpy names that numpy 2 removed.
    """

    def compatibility_settings(self) -> None:
        """Set the aliases RecBole 1.2.0 uses at run time, with names that numpy 2 has."""
        for alias, target in (("float", float), ("int", int), ("object", object), ("str", str)):
            setattr(np, alias, target)

    def _convert_config_dict(self, config_dict: dict[str, Any]) -> dict[str, Any]:
        return dict(config_dict)

    def _load_cmd_line(self) -> dict[str, Any]:
        return {}

    def _init_device(self) -> None:
        values = self.final_config_dict
        values.update(single_spec=True, local_rank=0, device=torch.device(values["device"]))

    def _set_default_parameters(self) -> None:
        super()._set_default_parameters()
        pairwise = self.final_config_dict["loss_type"] == "BPR"
        input_type = InputType.PAIRWISE if pairwise else InputType.POINTWISE
        self.final_config_dict["MODEL_INPUT_TYPE"] = input_type


def build_config(
    recommender_class: type[torch.nn.Module], files: AtomicFiles, experiment: Experiment
) -> BridgeConfig:
    """Configure RecBole's own classes, under their names; ours take `Experiment`.

    Args:
        recommender_class: A recommender of `seqrec.recbole_bridge.recommenders`.
        files: The atomic files to read.
        experiment: What is trained, how, and where.
    """
    sequential = getattr(recommender_class, "type", None) == ModelType.SEQUENTIAL
    values = {
        **_data_settings(files),
        **_training_settings(experiment.training),
        "device": str(experiment.device),
        "repeatable": sequential,
        "MAX_ITEM_LIST_LENGTH": experiment.max_length,
    }
    return BridgeConfig(model=recommender_class, dataset=files.dataset, config_dict=values)


def _data_settings(files: AtomicFiles) -> dict[str, Any]:
    return {
        "data_path": str(files.data_path),
        "USER_ID_FIELD": c.USER,
        "ITEM_ID_FIELD": c.ITEM,
        "TIME_FIELD": c.POSITION,
        "load_col": {"inter": [c.USER, c.ITEM, c.POSITION, c.DELTA]},
        # All four keys: RecBole completes a partial block with a random order.
        "eval_args": {
            "split": {"LS": "valid_and_test"},
            "order": "TO",
            "group_by": "user",
            "mode": "full",
        },
        "train_neg_sample_args": None,  # negatives are ours (seqrec.histories.negatives)
    }


def _training_settings(training: Training) -> dict[str, Any]:
    return {
        "seed": training.seed,
        "reproducibility": True,
        "loss_type": training.loss_type,
        "epochs": training.epochs,
        "learner": "adam",
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "clip_grad_norm": None,  # clipped by our step
        "stopping_step": training.early_stopping,
        "eval_step": 1,
        "metrics": ["Hit", "NDCG", "MRR"],
        "topk": [1, 5, 10, 20],
        "valid_metric": _RECBOLE_METRIC[training.valid_metric],
        # Early stopping compares rounded metrics: RecBole's default of 4 places hides progress.
        "metric_decimal_place": 10,
    }
