"""RecBole's Dataset over the Parquet twin of the atomic files: no text parsed, nothing copied."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from recbole.data.dataset import Dataset
from recbole.utils import FeatureSource, FeatureType

from seqrec.histories.arrays import Histories
from seqrec.histories.features import FEATURES, read_features
from seqrec.recbole_bridge.config import BridgeConfig
from seqrec.tables import atomic_files
from seqrec.tables import columns as c


class InteractionDataset(Dataset):
    """Users, items and `histories` with the split that is marked in the data.

    Ids are those RecBole itself would give: the order of first appearance, from 1. RecBole's own
    loader reads the text with Python's engine (5 s per million rows) and turns the clock into
    float32; its split is cut anew for each model.
    """

    histories: Histories

    def __init__(self, config: BridgeConfig, features: tuple[str, ...] = ()) -> None:
        self._features = features
        super().__init__(config)

    def _load_data(self, token: str, dataset_path: str) -> None:
        """Read ids and interactions; RecBole's further processing finds nothing to do."""
        folder = Path(dataset_path)
        for field, source in ((c.USER, FeatureSource.USER_ID), (c.ITEM, FeatureSource.ITEM_ID)):
            self.set_field_property(field, FeatureType.TOKEN, source, 1)
            tokens = pq.read_table(folder / atomic_files.ids_file(field))[field].to_numpy()
            self.field2id_token[field] = np.array(["[PAD]", *tokens])
            self.field2token_id[field] = {name: i for i, name in enumerate(tokens, start=1)}
        names = (c.USER, c.ITEM, c.POSITION, c.DELTA, c.SPLIT)
        file = pq.ParquetFile(folder / atomic_files.INTERACTIONS)
        asked = {*names, *(FEATURES[name][0] for name in self._features)}
        read = file.read([name for name in file.schema_arrow.names if name in asked])
        table = {name: read[name].to_numpy() for name in read.column_names}
        features = read_features(table, self._features, token)
        self.histories = Histories.from_columns(
            users=table[c.USER],
            items=table[c.ITEM],
            positions=table[c.POSITION],
            deltas=table[c.DELTA],
            splits=table[c.SPLIT],
            features=features,
        )
        self.inter_feat = pd.DataFrame(
            {c.USER: self.histories.users, c.ITEM: self.histories.items}, copy=False
        )
        self.user_feat = self.item_feat = None

    def _data_processing(self) -> None:
        """Nothing to filter, map or fill: data_processing and recbole_format have done it."""
        self.feat_name_list = self._build_feat_name_list()
