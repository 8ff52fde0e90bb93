"""Data of one's own: formats, units, and what becomes of rows that are no interactions."""

import csv
import gzip
import re

import numpy as np
import pandas as pd
import pytest

from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from tests.sources.shop import GOOD, dataset, file_of, read


def rejects(folder):
    with (folder / "kept" / "rejects.csv").open(newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.mark.parametrize(
    "content",
    [
        GOOD,
        GOOD.replace("\n", "\r\n"),
        "\ufeff" + GOOD,
        GOOD.rstrip("\n"),
        GOOD + "\n\n",
        gzip.compress(GOOD.encode()),
        'timestamp,"item_id",user_id\n100,"x",anna\n200,y,"ben"\n',
    ],
    ids=["plain", "CRLF", "BOM", "no last newline", "blank lines", "gzip", "quotes"],
)
def test_text_in_every_dress(tmp_path, content):
    path = file_of(tmp_path, content, "log.csv.gz" if isinstance(content, bytes) else "log.csv")
    table = read(path)
    assert table.to_dict("list") == {
        c.USER: ["anna", "ben"], c.ITEM: ["x", "y"], c.RATING: [1.0, 1.0], c.TIMESTAMP: [100, 200],
    }  # fmt: skip


def test_columns_are_mapped_and_quoted_commas_belong_to_the_value(tmp_path):
    text = 'who;what;stars;at\n7;"a;b";4.5;100\n8;c;"3";200\n'
    columns = {"user": "who", "item": "what", "rating": "stars", "timestamp": "at"}
    table = read(file_of(tmp_path, text), **columns, separator=";")
    assert table[c.ITEM].tolist() == ["a;b", "c"]
    assert table[c.RATING].tolist() == [4.5, 3.0]


@pytest.mark.parametrize(
    ("unit", "values"),
    [
        ("s", ["0", "1577836800", "1577836801"]),
        ("ms", ["0", "1577836800000", "1577836801999"]),
        ("iso", ["1970-01-01", "2020-01-01T00:00:00Z", "2020-01-01 02:00:01.7+02:00"]),
    ],
)
def test_times_in_every_unit(tmp_path, unit, values):
    text = "user_id,item_id,timestamp\n" + "".join(f"u,i,{value}\n" for value in values)
    table = read(file_of(tmp_path, text), time_unit=unit)
    assert table[c.TIMESTAMP].tolist() == [0, 1_577_836_800, 1_577_836_801]


@pytest.mark.parametrize(
    ("times", "unit"),
    [
        (np.array([0, 1_577_836_801]), "s"),
        (np.array([0, 1_577_836_801_999]), "ms"),
        (pd.to_datetime(["1970-01-01", "2020-01-01T00:00:01.999"], format="ISO8601"), "iso"),
        (pd.to_datetime([0, 1_577_836_801], unit="s", utc=True), "s"),
        (["1970-01-01", "2020-01-01T00:00:01"], "iso"),
    ],
    ids=["s", "ms", "timestamps", "timestamps with a zone", "text"],
)
def test_parquet_with_ids_of_any_type(tmp_path, times, unit):
    frame = pd.DataFrame({"user_id": [3, 1], "item_id": ["x", "y"], "timestamp": times})
    frame.to_parquet(tmp_path / "log.parquet")
    table = read(tmp_path / "log.parquet", time_unit=unit)
    assert table[c.USER].tolist() == ["3", "1"]
    assert table[c.TIMESTAMP].tolist() == [0, 1_577_836_801]


BAD = {
    "anna,x": "2 columns instead of 3",
    "anna,x,100,9": "4 columns instead of 3",
    ",x,100": "no user_id",
    "anna,,100": "no item_id",
    "anna,x,": "timestamp '' is no time",
    "anna,x,soon": "timestamp 'soon' is no time",
    "anna,x,NaN": "timestamp 'NaN' is no time",
    "anna,x,-5": "timestamp '-5' is no time",
    "anna,x,99999999999": "timestamp '99999999999' is no time",
    "anna,x,1.5": "timestamp '1.5' is no time",
}


@pytest.mark.parametrize("line", list(BAD))
def test_a_bad_row_is_named_with_its_line(tmp_path, line):
    path = file_of(tmp_path, GOOD + line + "\ncarl,z,300\n")
    with pytest.raises(ProjectError, match=re.escape(f"line 4: {BAD[line]}")) as caught:
        dataset(path, time_unit="s").load()
    assert str(caught.value).startswith(f"{path}: 1 bad rows")
    assert "source.on_bad_rows=reject" in str(caught.value)
    assert [found.name for found in tmp_path.iterdir()] == ["log.csv"]


def test_bad_rows_are_set_aside_on_request_and_none_is_lost(tmp_path):
    path = file_of(tmp_path, GOOD + "\n".join(BAD) + "\ncarl,z,300\n")
    table = read(path, on_bad_rows="reject", time_unit="s")
    assert table[c.USER].tolist() == ["anna", "ben", "carl"]
    found = rejects(tmp_path)
    assert [row["line"] for row in found] == [str(4 + n) for n in range(len(BAD))]
    assert [row["row"] for row in found] == list(BAD)
    for row, reason in zip(found, BAD.values(), strict=True):
        assert row["reason"].startswith(reason)


@pytest.mark.parametrize("value", ["five", "nan", "inf", "1e999", "", "1_0", " 4"])
def test_a_rating_must_be_a_number(tmp_path, value):
    path = file_of(tmp_path, f"user_id,item_id,timestamp,stars\nanna,x,1,4\nanna,y,1,{value}\n")
    with pytest.raises(ProjectError, match=re.escape(f"line 3: stars {value!r} is no number")):
        dataset(path, rating="stars").load()


def test_parquet_with_bad_rows(tmp_path):
    frame = pd.DataFrame(
        {"user_id": ["a", None, "c"], "item_id": ["x", "y", "z"], "timestamp": [1, 2, -3]}
    )
    frame.to_parquet(tmp_path / "log.parquet")
    with pytest.raises(ProjectError, match="2 bad rows, row 2: no user_id; row 3: timestamp -3"):
        read(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet", on_bad_rows="reject")[c.USER].tolist() == ["a"]
    assert len(rejects(tmp_path)) == 2


@pytest.mark.parametrize(
    ("text", "source", "complaint"),
    [
        ("", {}, "is empty"),
        ("\n\n", {}, "is empty"),
        (GOOD, {"user": "customer"}, "column 'customer' is missing: found user_id, item_id"),
        (GOOD.replace("item_id", "user_id", 1), {"item": "user_id"}, "'user_id' is named twice"),
        ("user_id,item_id,timestamp,user_id\n1,2,3,4\n", {}, "column 'user_id' is there twice"),
        (GOOD, {"time_unit": "hours"}, r"source\.time_unit: "),
        (GOOD, {"usr": "x"}, r"source\.usr: "),
    ],
)
def test_a_source_that_cannot_be_used_is_refused_before_the_run(tmp_path, text, source, complaint):
    with pytest.raises(ProjectError, match=complaint) as caught:
        dataset(file_of(tmp_path, text), **source).preflight()
    assert "\n" not in str(caught.value)


def test_absurd_numbers_of_a_parquet_file_are_set_aside(tmp_path):
    times = [0, 10**10 - 1, 10**10, 5, 6, 7]
    stars = [1.0, 1e300, 1.0, np.inf, np.nan, -1e301]
    ids = list("abcdef")
    frame = pd.DataFrame({"user_id": ids, "item_id": ids, "timestamp": times, "stars": stars})
    frame.to_parquet(tmp_path / "log.parquet")
    options = {"rating": "stars", "on_bad_rows": "reject", "time_unit": "s"}
    kept = read(tmp_path / "log.parquet", **options)
    assert kept[c.USER].tolist() == ["a", "b"]
    assert [row["line"] for row in rejects(tmp_path)] == ["3", "4", "5", "6"]


def test_a_missing_file_and_no_parquet(tmp_path):
    with pytest.raises(ProjectError, match=r"source\.path: there is no file .*nowhere\.csv"):
        dataset(tmp_path / "nowhere.csv").preflight()
    with pytest.raises(ProjectError, match=r"log\.parquet cannot be read"):
        dataset(file_of(tmp_path, GOOD, "log.parquet")).preflight()
    with pytest.raises(ProjectError, match=r"log\.csv\.gz cannot be read"):
        dataset(file_of(tmp_path, GOOD, "log.csv.gz")).preflight()
