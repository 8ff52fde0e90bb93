"""RecBole's loaders over our datasets, with one sampler rule for every model."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch
from recbole.data.dataloader import FullSortEvalDataLoader, TrainDataLoader
from recbole.data.interaction import Interaction
from recbole.sampler import Sampler

from seqrec import columns as c
from seqrec.datasets.atomic_files import AtomicFiles
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.recbole_bridge.datasets import TARGET_LIST, HistoryDataset, PairDataset

NEGATIVE_LIST = "negative_list"
"""Sampled items beside each target, (B, L, negatives)."""


@dataclass(frozen=True)
class Loaders:
    """The three loaders and the dataset they were cut from."""

    dataset: HistoryDataset | PairDataset
    train: TrainDataLoader
    valid: FullSortEvalDataLoader
    test: FullSortEvalDataLoader


class HistoryTrainLoader(TrainDataLoader):
    """Train loader whose negatives stand beside every target, not beside the row."""

    def _neg_sampling(self, inter_feat: Interaction) -> Interaction:
        if self.neg_sample_args["distribution"] == "none":
            return inter_feat
        targets = inter_feat[TARGET_LIST]
        row, step = targets.nonzero(as_tuple=True)
        negatives = self._sampler.sample_by_user_ids(
            inter_feat[c.USER][row].numpy(), targets[row, step].numpy(), self.neg_sample_num
        )
        beside = torch.zeros(*targets.shape, self.neg_sample_num, dtype=torch.long)
        beside[row, step] = negatives.view(self.neg_sample_num, -1).T
        inter_feat.update(Interaction({NEGATIVE_LIST: beside}))
        return inter_feat


def build_loaders(config: BridgeConfig, files: AtomicFiles) -> Loaders:
    """Read the atomic files and build a loader per split.

    Args:
        config: From `build_config`.
        files: The files it was built for.
    """
    sequential = config["training_mode"] != "pair"
    # RecBole makes tensors of arrays that pandas 3 hands out read-only; nothing writes to them.
    warnings.filterwarnings("ignore", message="The given NumPy array is not writable")
    dataset = HistoryDataset(config) if sequential else PairDataset(config)
    train, valid, test = dataset.build()
    # A user's own training items are never negatives. RecBole's RepeatableSampler, its default
    # for sequential models, would draw them.
    sampler = Sampler(list(c.SPLITS), [dataset.flat(split) for split in c.SPLITS], "uniform")
    loader = HistoryTrainLoader if sequential else TrainDataLoader
    if not sequential:
        # RecBole counts user-item pairs for general models, users for sequential ones.
        config["eval_batch_size"] = config["eval_users"] * dataset.item_num
    return Loaders(
        dataset,
        loader(config, train, sampler.set_phase(c.TRAIN), shuffle=True),
        FullSortEvalDataLoader(config, valid, sampler.set_phase(c.VALID)),
        FullSortEvalDataLoader(config, test, sampler.set_phase(c.TEST)),
    )
