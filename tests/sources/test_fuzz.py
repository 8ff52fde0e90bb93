"""Any table of one's own is read as it should be, or refused in one line, and leaves nothing."""

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from seqrec.datasets.ratings import RatingsDataset
from seqrec.datasets.table import TableDataset
from seqrec.engine.layout import Layout
from seqrec.engine.times import SECONDS
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import clean_ratings
from seqrec.sources.lines import bad_rows, split_lines
from seqrec.tables import columns as c
from tests.conftest import DUCKDB
from tests.sources import shop
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


TYPICAL = ["1", "22", "1577836800", "", "x", "-1", "1.5", "NaN", '"', "a b", "é", "9" * 19]
letters = st.characters(blacklist_categories=("Cs",), blacklist_characters="\r\n\0")
cell = st.one_of(st.sampled_from(TYPICAL), st.text(alphabet=letters, max_size=4))
rows_of_cells = st.lists(st.lists(cell, min_size=0, max_size=5), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(
    rows_of_cells, st.sampled_from([",", ";", "\t", "::"]), st.sampled_from(["error", "reject"])
)
def test_whatever_a_file_holds_it_is_read_or_refused_in_one_line(
    tmp_path_factory, table, separator, on_bad_rows
):
    folder = tmp_path_factory.mktemp("fuzz")
    names = ("user_id", "item_id", "timestamp")
    text = "\n".join([separator.join(names), *(separator.join(row) for row in table)]) + "\n"
    path = shop.file_of(folder, text)
    try:
        found = shop.read(path, separator=separator, on_bad_rows=on_bad_rows, time_unit="s")
    except ProjectError as error:
        refusal = str(error)
    else:
        refusal = None
    if refusal is not None:
        assert "\n" not in refusal
        return
    # What was read is what Python reads, row by row.
    layout = Layout(names, separator, 1, {name: place for place, name in enumerate(names)})
    bad = {row.line for row in bad_rows(path, layout, SECONDS)}
    every = [row for line, row in split_lines(path, layout) if row and line not in bad]
    assert found[[c.USER, c.ITEM]].to_numpy().tolist() == [row[:2] for row in every[1:]]
    assert not bad or on_bad_rows == "reject"
