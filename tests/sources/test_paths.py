"""A path is the name of one file: neither a pattern nor a source of columns."""

import pandas as pd
import pytest

from seqrec.datasets.table import TableDataset
from seqrec.engine.connection import connect
from seqrec.tables import columns as c
from tests.sources.shop import GOOD, either_engine, file_of, read

NAMES = [
    "a[1].csv",
    "b*.csv",
    "c?.csv",
    "d{1,2}.csv",
    "user_id=7/log.csv",
    "rating=3/log.csv",
    "[e]/log.csv",
    "_f.csv",
    "g\\h[i].csv",
    "it's.csv",
    "a b%20c#d.csv",
]


@either_engine
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_exactly_the_file_of_that_name_is_read(tmp_path, engine, name, form):
    for decoy in ("a1.csv", "bb.csv", "cc.csv", "d1.csv", "e/log.csv", "gh.csv"):
        file_of(tmp_path, GOOD, decoy)
    path = file_of(tmp_path, GOOD.replace("anna", "carl"), name)
    if form == "parquet":
        for found in [*tmp_path.rglob("*.csv")]:
            pd.read_csv(found).to_parquet(found.with_suffix(".parquet"))
        path = path.with_suffix(".parquet")
    table = read(path, engine)
    assert table[c.USER].tolist() == ["carl", "ben"]
    assert table[c.RATING].tolist() == [1.0, 1.0]
    assert list(table.columns) == [c.USER, c.ITEM, c.RATING, c.TIMESTAMP]


@either_engine
@pytest.mark.parametrize("folder", ["a[1]", "b*", "user_id=7", "it's", "_hidden", "c d"])
def test_a_table_of_ours_is_found_in_any_folder(tmp_path, engine, folder):
    table = TableDataset(filepath=str(tmp_path / folder / "ratings.parquet"), engine=engine)
    decoy = TableDataset(filepath=str(tmp_path / "a1" / "ratings.parquet"), engine=engine)
    decoy.save(connect(engine).sql("SELECT 'other' AS id"))
    table.save(connect(engine).sql("SELECT 'mine' AS id"))
    assert table.load().to_pandas().to_dict("list") == {"id": ["mine"]}
