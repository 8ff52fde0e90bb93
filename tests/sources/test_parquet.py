"""Parquet holds what text cannot: fractions, NaN, types; none of it is read for something else."""

import csv
from datetime import datetime
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from tests.sources.shop import dataset, either_engine, read

NAN = float("nan")


def log_of(folder, user=("a", "b", "c"), time=(1, 2, 3), **more):
    """Write three rows."""
    columns = {"user_id": user, "item_id": ["x", "y", "z"], "timestamp": time, **more}
    arrays = {
        name: values if isinstance(values, pa.Array) else pa.array(list(values))
        for name, values in columns.items()
    }
    pq.write_table(pa.table(arrays), folder / "log.parquet")
    return folder / "log.parquet"


def floats(*values, kind=None):
    return pa.array(values, kind or pa.float64(), from_pandas=False)


BAD = [
    ("time", floats(1.0, 2.5, 3.0), "timestamp 2.5 is no time"),
    ("time", floats(1.0, NAN, 3.0), "timestamp .* is no time"),
    ("time", floats(1.0, float("inf"), 3.0), "timestamp .* is no time"),
    ("time", floats(1.0, 1e300, 3.0), "timestamp .* is no time"),
    ("time", pa.array([1, 2**64 - 1, 3], pa.uint64()), "timestamp 18446744073709551615 is no"),
    ("time", pa.array([1, 2**60, 3], pa.timestamp("ms")), "timestamp .* is no time"),
    ("time", pa.array([1, None, 3], pa.timestamp("us")), "timestamp null is no time"),
    ("user", floats(7.0, 8.5, 9.0), r"user_id 8\.5 is no whole number"),
    ("user", floats(7.0, NAN, 9.0), "no user_id"),
    ("user", floats(7.0, 2.0**60, 9.0), "user_id .* is no whole number"),
    ("user", floats(7.0, 2.0**30, 9.0, kind=pa.float32()), "user_id .* is no whole number"),
    ("user", pa.array([Decimal("7.0"), Decimal("8.5"), None]), r"user_id 8\.5 is no whole"),
    ("rating", floats(1.0, NAN, 1.0), "rating .* is no number"),
]


@either_engine
@pytest.mark.parametrize(("column", "values", "reason"), BAD)
def test_a_value_that_is_none_is_named_with_column_and_row(
    tmp_path, engine, column, values, reason
):
    path = log_of(tmp_path, **{column: values})
    source = {"rating": "rating"} if column == "rating" else {}
    with pytest.raises(ProjectError, match=rf"log\.parquet: \d bad rows, row 2: {reason}") as told:
        dataset(path, engine, **source).load()
    assert "\n" not in str(told.value)
    kept = read(path, engine, **source, on_bad_rows="reject")
    assert kept[c.ITEM].tolist() in (["x", "z"], ["x"])
    with (tmp_path / "kept" / "rejects.csv").open(newline="") as handle:
        assert next(row["line"] for row in csv.DictReader(handle)) == "2"


@either_engine
@pytest.mark.parametrize(
    "values",
    [
        floats(7.0, 8.0, 2.0**53),
        floats(7.0, 8.0, 2.0**24, kind=pa.float32()),
        pa.array([Decimal("7.00"), Decimal("8.00"), Decimal("9.00")]),
        pa.array([7, 8, 2**64 - 1], pa.uint64()),
        pa.array(["7", "8", "9"]).dictionary_encode(),
    ],
    ids=["float64", "float32", "decimal", "uint64", "dictionary"],
)
def test_whole_ids_are_read_as_they_are_meant(tmp_path, engine, values):
    expected = [str(int(value)) for value in values.to_pylist()]
    assert read(log_of(tmp_path, user=values), engine)[c.USER].tolist() == expected


@either_engine
@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_timestamps_of_every_unit(tmp_path, engine, unit):
    moments = pa.array([datetime(2020, 1, 1, 0, 0, second) for second in (0, 1, 2)])
    path = log_of(tmp_path, time=moments.cast(pa.timestamp(unit)))
    start = 1_577_836_800
    assert read(path, engine)[c.TIMESTAMP].tolist() == [start, start + 1, start + 2]


@either_engine
def test_bytes_that_are_no_utf8_are_refused_alike(tmp_path, engine):
    data = pa.py_buffer(b"ab\xe9c")
    offsets = pa.py_buffer(np.array([0, 1, 3, 4], np.int32).tobytes())
    users = pa.Array.from_buffers(pa.string(), 3, [None, offsets, data])
    with pytest.raises(ProjectError, match=r"column 'user_id', row 2 is not UTF-8"):
        dataset(log_of(tmp_path, user=users), engine).load()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([b"a", b"b", b"c"], "binary"),
        ([[1], [2], [3]], "list"),
        ([datetime(2020, 1, day) for day in (1, 2, 3)], "timestamp"),
    ],
)
def test_ids_of_a_type_that_is_none_are_refused_before_the_run(tmp_path, values, kind):
    told = rf"log\.parquet: column 'user_id' is of type {kind}.*: it may be text, numbers"
    with pytest.raises(ProjectError, match=told):
        dataset(log_of(tmp_path, user=values)).preflight()


@either_engine
def test_columns_that_differ_by_case_are_refused_before_the_run(tmp_path, engine):
    path = log_of(tmp_path, User_ID=["d", "e", "f"])
    with pytest.raises(ProjectError, match="'user_id' and 'User_ID' differ only by case"):
        dataset(path, engine).preflight()
