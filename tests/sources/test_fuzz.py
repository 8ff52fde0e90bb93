"""Any table of one's own is read as it should be, or refused in one line, and leaves nothing."""

import pandas as pd
import pytest
from kedro.io import DatasetError

from seqrec.datasets.ratings import RatingsDataset
from seqrec.datasets.table import TableDataset
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import clean_ratings
from tests.conftest import DUCKDB
from tests.sources.made_up import as_frame, make

QUICK = 60


def read(case, folder, engine=DUCKDB):
    """Read a table as a run does; return the ratings, or the line that refused it."""
    raw = RatingsDataset(
        dataset="shop", filepath="raw", engine=engine,
        source={"path": str(case.path), **case.source},
        rejects=str(folder / "data" / "rejects.csv"), definition=str(folder / "data" / "d.json"),
    )  # fmt: skip
    ratings = TableDataset(
        filepath=str(folder / "data" / "ratings.parquet"), engine=engine,
        contract="seqrec.tables.contracts.Ratings",
    )  # fmt: skip
    try:
        raw.preflight()
        found = raw.load()
        ratings.save(clean_ratings(found, DataProcessing()))
    except ProjectError as error:
        return None, str(error)
    return found.to_pandas(), ""


def check(folder, seed):
    case = make(folder, seed)
    try:
        found, refusal = read(case, folder)
    except DatasetError as error:
        raise AssertionError(f"{seed}, {case}: {error}") from error
    told = f"{seed}: {case}, {refusal}"
    if case.is_read:
        assert found is not None, told
        pd.testing.assert_frame_equal(found, as_frame(case.good), check_dtype=False, obj=told)
        left = {"ratings.parquet", "ratings.parquet.manifest.json", "d.json"}
        left |= {"rejects.csv"} if case.bad else set()
    else:
        assert found is None, told
        assert refusal.startswith(str(case.path)), told
        assert "\n" not in refusal, told
        left = set()
    data = folder / "data"
    assert {path.name for path in data.glob("*")} == left, told


@pytest.mark.parametrize("seed", range(QUICK))
def test_a_table_is_read_or_refused(tmp_path, seed):
    check(tmp_path, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(QUICK, 560))
def test_five_hundred_tables_are_read_or_refused(tmp_path, seed):
    check(tmp_path, seed)
