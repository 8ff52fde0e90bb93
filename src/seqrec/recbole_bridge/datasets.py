"""RecBole datasets that read the split from the data instead of cutting their own."""

from __future__ import annotations

import copy
from typing import Any, Self

import numpy as np
import torch
from recbole.data.dataset import Dataset, SequentialDataset
from recbole.data.interaction import Interaction
from recbole.utils import FeatureType

from seqrec import columns as c
from seqrec.recbole_bridge.histories import Histories, Rows

DELTA_LIST = "delta_list"
"""Seconds from each input to the next event."""
TARGET_LIST = "target_list"
"""The item after each input; 0 where it is not to be learned."""


class _Marked(Dataset):
    """What both datasets share: `histories` and the mark."""

    histories: Histories
    split: str = c.TRAIN

    def _fill_nan(self) -> None:
        """Do without RecBole's imputation, which pandas 3 ignores: refuse missing values."""
        for field in self.inter_feat:
            if self.inter_feat[field].isna().any():
                raise ValueError(f"{field} has missing values in {self.dataset_name}.inter")

    def _read_histories(self) -> Histories:
        """Take the flat arrays out of the loaded interactions."""
        columns = {name: self.inter_feat[name].numpy() for name in self.inter_feat.columns}
        return Histories.from_columns(
            columns[c.USER],
            columns[c.ITEM],
            columns[c.POSITION].astype(np.int64),
            columns[c.DELTA],
            self.field2id_token[c.SPLIT][columns[c.SPLIT]].astype(str),
        )

    def interactions_of(self, split: str) -> Interaction:
        """Return user and item ids of one split, flat."""
        rows = np.flatnonzero(self.histories.splits == split)
        return Interaction(
            {
                c.USER: torch.from_numpy(self.histories.users[rows]),
                c.ITEM: torch.from_numpy(self.histories.items[rows]),
            }
        )

    def flat(self, split: str) -> Self:
        """Return a copy that holds one split as plain user-item pairs."""
        view = copy.copy(self)
        view.inter_feat, view.split = self.interactions_of(split), split
        return view


class PairDataset(_Marked):
    """User-item pairs for general models."""

    def build(self) -> list[PairDataset]:
        """Return train, valid and test, by the mark in the data."""
        self._change_feat_format()
        self.histories = self._read_histories()
        return [self.flat(split) for split in c.SPLITS]


class HistoryDataset(_Marked, SequentialDataset):
    """Histories with intervals, cut from flat arrays when a batch is asked for.

    RecBole's own materialises every prefix; this keeps each interaction once. `query_time`
    decides the last interval of a row to score: the true one, or the user's median gap.
    """

    query_time: str = c.KNOWN
    rows: Rows
    _gaps: np.ndarray[Any, np.dtype[np.float32]]

    def data_augmentation(self) -> None:
        """Index the flat arrays and declare the list fields; nothing is materialised."""
        self._aug_presets()
        self.set_field_property(DELTA_LIST, FeatureType.FLOAT_SEQ, None, self.max_item_list_len)
        self.histories = self._read_histories()

    def build(self) -> list[HistoryDataset]:
        """Return train, valid and test, by the mark in the data."""
        self._change_feat_format()
        cut = self.histories
        by_window = self.config["training_mode"] == "sequence"
        train = cut.windows if by_window else cut.prefixes
        return [
            self._view(c.TRAIN, train(self.max_item_list_len)),
            self._view(c.VALID, cut.held_out(c.VALID, self.max_item_list_len)),
            self._view(c.TEST, cut.held_out(c.TEST, self.max_item_list_len)),
        ]

    def with_query_time(self, query_time: str) -> HistoryDataset:
        """Return a copy whose last interval follows `query_time`."""
        view = copy.copy(self)
        view.query_time = query_time
        return view

    def _view(self, split: str, rows: Rows) -> HistoryDataset:
        view = copy.copy(self)
        view.split, view.rows = split, rows
        if split != c.TRAIN:
            view._gaps = self.histories.median_gaps(split)
        end = rows.start + rows.length
        view.inter_feat = Interaction(
            {
                c.USER: torch.from_numpy(self.histories.users[end]),
                c.ITEM: torch.from_numpy(self.histories.items[end]),
                self.item_list_length_field: torch.from_numpy(rows.length),
            }
        )
        return view

    def __getitem__(self, index: Any, join: bool = True) -> Interaction:
        """Cut a batch of rows, padded on the right to the longest of them."""
        batch = self.inter_feat[index]
        start, length = self.rows.start[index][:, None], self.rows.length[index][:, None]
        steps = np.arange(length.max())[None, :]
        inside = steps < length
        here = np.where(inside, start + steps, 0)
        after = np.where(inside, start + steps + 1, 0)
        intervals = np.where(inside, self.histories.deltas[after], 0.0)
        if self.query_time == c.UNKNOWN and self.split != c.TRAIN:
            np.put_along_axis(intervals, length - 1, self._gaps[index][:, None], axis=1)
        learned = inside & (steps >= self.rows.first_target[index][:, None])
        fields = {
            self.item_id_list_field: np.where(inside, self.histories.items[here], 0),
            DELTA_LIST: intervals.astype(np.float32),
            TARGET_LIST: np.where(learned, self.histories.items[after], 0),
        }
        batch.update(Interaction({name: torch.from_numpy(v) for name, v in fields.items()}))
        return batch
