"""The unit of a log's times is recognised, or the right one is named."""

import logging

import pandas as pd
import pytest

from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from tests.sources.shop import dataset, file_of, read

SECONDS = ["1577836800", "1577836801"]
MILLISECONDS = ["1577836800000", "1577836801999"]
ISO = ["2020-01-01", "2020-01-01T00:00:01.5Z"]


def log_of(folder, times):
    return file_of(folder, "user_id,item_id,timestamp\n" + "".join(f"u,i,{t}\n" for t in times))


@pytest.mark.parametrize("times", [SECONDS, MILLISECONDS, ISO], ids=["s", "ms", "iso"])
def test_a_unit_is_recognised_and_said_once(tmp_path, times, caplog):
    caplog.set_level(logging.INFO, "seqrec")
    path = log_of(tmp_path, times)
    assert read(path)[c.TIMESTAMP].tolist() == [1_577_836_800, 1_577_836_801]
    (said,) = (line for line in caplog.messages if "timestamp" in line)
    assert said.startswith(f"{path}: column 'timestamp' holds ")
    assert times[0] in said


@pytest.mark.parametrize(
    "times",
    [[1_577_836_800, 1_577_836_801], [1_577_836_800_000, 1_577_836_801_999], SECONDS, ISO],
    ids=["s", "ms", "text", "iso"],
)
def test_a_unit_is_recognised_in_parquet(tmp_path, times):
    ids = ["a", "b"]
    frame = pd.DataFrame({"user_id": ids, "item_id": ids, "timestamp": times})
    frame.to_parquet(tmp_path / "log.parquet")
    assert read(tmp_path / "log.parquet")[c.TIMESTAMP].tolist() == [1_577_836_800, 1_577_836_801]


@pytest.mark.parametrize(
    ("times", "complaint"),
    [
        (
            [SECONDS[0], ISO[1]],
            r"mixes seconds since 1970 \('1577836800', line 2\) and ISO 8601 .*line 3.*"
            r"source\.time_unit=s or source\.time_unit=iso",
        ),
        ([SECONDS[0], MILLISECONDS[1]], r"mixes seconds .* and milliseconds .*time_unit=ms"),
        (["20200131", "20200201"], r"'20200131' \(line 2\).*days or seconds.*time_unit=s"),
        (["31.01.2020", "01.02.2020"], r"holds '31\.01\.2020' \(line 2\), .*or ISO 8601"),
        (["1577836800.5", "7.25"], "cut the fraction"),
        (["1577836800123456", "1577836800123457"], "microseconds or finer"),
    ],
)
@pytest.mark.parametrize("on_bad_rows", ["error", "reject"])
def test_what_cannot_be_recognised_is_refused_in_one_line(tmp_path, times, complaint, on_bad_rows):
    with pytest.raises(ProjectError, match=rf"log\.csv: column 'timestamp' .*{complaint}") as told:
        dataset(log_of(tmp_path, times), on_bad_rows=on_bad_rows).preflight()
    assert "\n" not in str(told.value)
    assert "on_bad_rows" not in str(told.value)


@pytest.mark.parametrize(
    ("named", "times", "right"),
    [
        ("s", ISO, "iso"),
        ("s", MILLISECONDS, "ms"),
        ("ms", ISO, "iso"),
        ("iso", SECONDS, "s"),
        ("iso", MILLISECONDS, "ms"),
    ],
)
@pytest.mark.parametrize("on_bad_rows", ["error", "reject"])
def test_a_unit_that_does_not_fit_is_told_the_one_that_does(
    tmp_path, named, times, right, on_bad_rows
):
    for opened in (
        dataset(log_of(tmp_path, times), time_unit=named, on_bad_rows=on_bad_rows),
        dataset(_parquet_of(tmp_path, times), time_unit=named, on_bad_rows=on_bad_rows),
    ):
        with pytest.raises(ProjectError, match=rf"say --params source\.time_unit={right}$"):
            opened.load()


def _parquet_of(folder, times):
    path = folder / "log.parquet"
    values = [int(time) if time.isdigit() else time for time in times]
    pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"], "timestamp": values}).to_parquet(
        path
    )
    return path


def test_seconds_that_are_called_milliseconds_are_questioned(tmp_path, caplog):
    read(log_of(tmp_path, SECONDS), time_unit="ms")
    assert "seconds would be source.time_unit=s" in caplog.text


def test_a_second_further_down_is_no_millisecond_of_january_1970(tmp_path):
    path = log_of(tmp_path, [MILLISECONDS[0]] * 1500 + [SECONDS[0]])
    with pytest.raises(ProjectError, match="1 bad rows, line 1502: timestamp '1577836800' is no"):
        read(path)
