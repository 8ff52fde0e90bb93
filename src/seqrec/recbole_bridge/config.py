"""RecBole's Config without its surprises."""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import torch
from recbole.config import Config
from recbole.utils import InputType, ModelType

from seqrec import columns as c
from seqrec.datasets.atomic_files import AtomicFiles
from seqrec.errors import ProjectError
from seqrec.ops.backend import resolve
from seqrec.parameters import ModelParameters, Runtime, Training

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


def resolve_device(device: str) -> torch.device:
    """Turn ``auto`` into what the machine has; refuse a GPU that is not there.

    Args:
        device: ``cpu``, ``auto``, ``cuda`` or ``cuda:N``.

    Raises:
        ProjectError: A GPU is asked for and this torch sees none.
    """
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda" and "LOCAL_RANK" in os.environ:
        device = f"cuda:{os.environ['LOCAL_RANK']}"  # torchrun: a GPU for each process
    if device.startswith("cuda") and not torch.cuda.is_available():
        raise ProjectError(
            f"runtime.device is {device!r} but torch {torch.__version__} sees no CUDA device: "
            "use runtime.device=auto or cpu, or install a CUDA build of torch"
        )
    chosen = torch.device(device)
    if chosen.type == "cuda" and (chosen.index or 0) >= torch.cuda.device_count():
        raise ProjectError(
            f"{device} is asked for and this machine has {torch.cuda.device_count()} GPUs: "
            "start no more processes (torchrun --nproc-per-node) than GPUs"
        )
    return chosen


def packs(config: BridgeConfig) -> bool:
    """Tell whether the model takes batches without padding."""
    if not config["packs_histories"]:
        return False
    return resolve(config["ssm_backend"], config["device"]).prefers_packed


def build_config(
    name: str,
    model_class: type[torch.nn.Module],
    files: AtomicFiles,
    model: ModelParameters,
    training: Training,
    runtime: Runtime,
) -> BridgeConfig:
    """Translate our typed parameters into RecBole's configuration.

    Args:
        name: The model's namespace, shown in logs.
        model_class: A recommender of `seqrec.recbole_bridge.recommenders`.
        files: The atomic files to read.
        model: Parameters of the network, handed to the recommender as they are.
        training: How to train.
        runtime: The machine.
    """
    values = {
        **_data_settings(files, model),
        **_training_settings(model_class, training),
        "name": name,
        "model_parameters": model,
        "packs_histories": getattr(model_class, "packs_histories", False),
        "training_mode": training.training_mode,
        "valid_mask": training.valid_mask,
        "valid_query_time": training.valid_query_time,
        "device": str(resolve_device(runtime.device)),
        "ssm_backend": runtime.ssm_backend,
        "precision": runtime.precision,
        "cuda_graphs": runtime.cuda_graphs,
        "histories": runtime.histories,
        "worker": runtime.workers,
        "checkpoint_minutes": runtime.checkpoint_minutes,
        "show_progress": runtime.show_progress,
        "eval_users": runtime.eval_batch_size,
    }
    return BridgeConfig(model=model_class, dataset=files.dataset, config_dict=values)


def _data_settings(files: AtomicFiles, model: ModelParameters) -> dict[str, Any]:
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
        "MAX_ITEM_LIST_LENGTH": getattr(model, "max_length", None),
    }


def _training_settings(model_class: type[torch.nn.Module], training: Training) -> dict[str, Any]:
    sequential = getattr(model_class, "type", None) == ModelType.SEQUENTIAL
    return {
        "seed": training.seed,
        "reproducibility": True,
        "loss_type": training.loss_type,
        "train_neg_sample_args": None,  # negatives are ours (seqrec.recbole_bridge.negatives)
        "negatives": training.negatives,
        "negative_power": training.negative_power,
        "rows_per_step": training.batch_size,
        "accumulate": training.accumulate,
        "repeatable": sequential,
        "epochs": training.epochs,
        "learner": "adam",
        "learning_rate": training.learning_rate,
        "weight_decay": training.weight_decay,
        "clip_grad_norm": training.clip_grad_norm,
        "warmup_steps": training.warmup_steps,
        "schedule": training.schedule,
        "ema_decay": training.ema_decay,
        "stopping_step": training.early_stopping,
        "eval_step": 1,
        "metrics": ["Hit", "NDCG", "MRR"],
        "topk": [1, 5, 10, 20],
        "valid_metric": _RECBOLE_METRIC[training.valid_metric],
        # Early stopping compares rounded metrics: RecBole's default of 4 places hides progress.
        "metric_decimal_place": 10,
    }
