"""Tables as people have them, good and bad, with what should be read of each."""

from __future__ import annotations

import csv
import gzip
import io
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

START = 1_577_836_800
NAMES = ["user_id", "item_id", "timestamp", "rating"]


@dataclass
class Case:
    """A file, how it is described, and the interactions in it.

    Attributes:
        path: The file.
        source: Fields of `seqrec.parameters.Source`.
        good: Rows of user, item, rating, timestamp.
        bad: Rows that are none.
        refused: Whether the file as a whole is.
        what: What is odd about it.
    """

    path: Path
    source: dict[str, Any]
    good: list[tuple[str, str, float, int]] = field(default_factory=list)
    bad: int = 0
    refused: bool = False
    what: str = ""

    @property
    def is_read(self) -> bool:
        """Whether interactions should come out of it."""
        asked = self.source["on_bad_rows"] == "reject"
        return not self.refused and bool(self.good) and (asked or not self.bad)


def make(folder: Path, seed: int) -> Case:
    """Make a table."""
    draw = random.Random(seed)
    return (make_parquet if draw.random() < 0.35 else make_text)(folder, draw)


IDS: list[Callable[[random.Random], str]] = [
    lambda draw: str(draw.randint(1, 12)),
    lambda draw: f"{draw.randint(1, 12):04}",
    lambda draw: draw.choice(["anna", "ben", "Zoë", "李", "🛒", "a b", "NULL", "nan", "1.0"]),
    lambda draw: f"id-{draw.randint(1, 9)}",
]
AWKWARD = ["a,b", "a;b", "a|b", "a\tb", 'say "hi"', "two\nlines", "x::y", "'q'", "#1", "\ufffd"]


def iso(second: int, draw: random.Random) -> str:
    """Write a time as ISO 8601, one way or another."""
    moment = datetime.fromtimestamp(second, UTC)
    form = draw.choice(["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.25"])
    return moment.strftime(form)


def make_text(folder: Path, draw: random.Random) -> Case:
    """Make a text file."""
    separator = draw.choice([",", ",", ";", "\t", "|", "::", " "])
    unit = draw.choice(["s", "ms", "iso"])
    source = {
        "separator": separator,
        "on_bad_rows": draw.choice(["error", "reject"]),
        "time_unit": draw.choice(["auto", unit]),
    }
    columns = NAMES[: draw.choice([3, 4])]
    if len(columns) == 4:
        source["rating"] = "rating"
    case = Case(folder / "log.csv", source)
    rows = [_row(case, draw, unit, separator, columns) for _ in range(draw.randint(1, 25))]
    order = draw.sample(columns, len(columns))
    extra = draw.choice([[], [], ["note"], ["User_ID"]])
    table = [[*(row[name] for name in order), *("x" for _ in extra)] for row in rows]
    body = [_line(row, separator, draw) for row in table]
    _spoil(case, body, draw, separator, len(order) + len(extra))
    header = _line([*order, *extra], separator, draw)
    _write_text(case, [header, *body], draw)
    return case


def _row(
    case: Case, draw: random.Random, unit: str, separator: str, columns: list[str]
) -> dict[str, str]:
    """Draw a row and note what it is."""
    second = START + draw.randint(0, 10**6)
    written = {"s": str(second), "ms": str(second * 1000 + 999), "iso": iso(second, draw)}
    quoted = len(separator) == 1
    usual = draw.choice(IDS)
    ids = [draw.choice(AWKWARD) if quoted and draw.random() < 0.1 else usual(draw) for _ in "ui"]
    if separator in "".join(ids) and not quoted:
        ids = ["u", "i"]
    row = {"user_id": ids[0], "item_id": ids[1], "timestamp": written[unit]}
    stars = draw.choice(["1", "4.5", "-2", "3e1", ".5"])
    if len(columns) == 4:
        row["rating"] = stars
    if separator == " " and " " in row["timestamp"]:
        row["timestamp"] = row["timestamp"].replace(" ", "T")
    broken = draw.random() < 0.06
    if broken:
        column = draw.choice(columns)
        wrong = {"timestamp": ["", "soon", "-5", "1.5", "NaN"], "rating": ["", "five", "inf"]}
        row[column] = draw.choice(wrong.get(column, [""]))
        case.bad += 1
    else:
        rating = float(stars) if len(columns) == 4 else 1.0
        case.good.append((row["user_id"], row["item_id"], rating, second))
    return row


def _line(row: list[str], separator: str, draw: random.Random) -> str:
    if len(separator) > 1:
        return separator.join(row)
    text = io.StringIO()
    quoting = draw.choice([csv.QUOTE_MINIMAL, csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
    csv.writer(text, delimiter=separator, quoting=quoting).writerow(row)
    return text.getvalue().removesuffix("\r\n")


def _spoil(case: Case, body: list[str], draw: random.Random, separator: str, width: int) -> None:
    """Add lines that are no rows."""
    for _ in range(draw.choice([0, 0, 0, 1, 2])):
        place = draw.randint(0, len(body))
        kind = draw.choice(["blank", "short", "long"])
        count = {"blank": 0, "short": width - 1, "long": width + 1}[kind]
        body.insert(place, separator.join(["7"] * count))
        case.bad += kind != "blank"
    if len(separator) == 1 and draw.random() < 0.04:
        body.append(separator.join(['"never closed'] + ["7"] * (width - 1)))
        case.bad += 1


def _write_text(case: Case, lines: list[str], draw: random.Random) -> None:
    ends = draw.choice([["\n"], ["\n"], ["\r\n"], ["\r"], ["\n", "\r\n"]])
    text = "".join(line + draw.choice(ends) for line in lines)
    if draw.random() < 0.2:
        text = text.rstrip("\r\n")
    encoding = draw.choice(["utf-8"] * 8 + ["utf-8-sig", "utf-8-sig", "cp1252", "utf-16"])
    data = text.encode(encoding, "replace")
    case.what = f"{encoding} {ends}"
    if encoding == "cp1252":
        _as_cp1252(case)
    case.refused |= encoding == "utf-16"
    packing = draw.choice(["plain"] * 6 + ["gz", "gz", "cut", "misnamed", "empty", "blank"])
    if packing in ("gz", "cut", "misnamed"):
        data = gzip.compress(data)
        data = data[: len(data) * 2 // 3] if packing == "cut" else data
        case.path = case.path.with_name("log.csv" if packing == "misnamed" else "log.csv.gz")
    if packing in ("empty", "blank"):
        data = b"" if packing == "empty" else b"\n" + data
    case.refused |= packing not in ("plain", "gz")
    case.what += f" {packing}"
    case.path.write_bytes(data)


def _as_cp1252(case: Case) -> None:
    """Count rows with letters that are not ASCII as bad; what cp1252 lacks became ``?``."""
    kept = []
    for user, item, rating, second in case.good:
        ids = [name.encode("cp1252", "replace").decode("cp1252") for name in (user, item)]
        if all(name.isascii() for name in ids):
            kept.append((ids[0], ids[1], rating, second))
        else:
            case.bad += 1
    case.good = kept


WHOLE = {
    "int64": pa.int64(),
    "int32": pa.int32(),
    "uint64": pa.uint64(),
    "text": pa.string(),
    "large text": pa.large_string(),
    "categories": pa.dictionary(pa.int32(), pa.string()),
    "float64": pa.float64(),
    "float32": pa.float32(),
    "decimal": pa.decimal128(12, 2),
    "bytes": pa.binary(),
    "lists": pa.list_(pa.int64()),
    "moments": pa.timestamp("us"),
}
NO_IDS = ("bytes", "lists", "moments")


def make_parquet(folder: Path, draw: random.Random) -> Case:
    """Make a Parquet file."""
    source = {"on_bad_rows": draw.choice(["error", "reject"])}
    case = Case(folder / draw.choice(["log.parquet", "log.pq"]), source)
    number = draw.choice([0, *range(1, 25)])
    users, items = (_ids(case, draw, number) for _ in "ui")
    times, seconds = _times(case, draw, number)
    columns = {"user_id": users[0], "item_id": items[0], "timestamp": times}
    stars = [1.0] * number
    if draw.random() < 0.5:
        source["rating"] = "rating"
        stars = [draw.choice([1.0, 4.5, -2.0, *[float("nan"), float("inf"), None][:_few(draw)]])
                 for _ in range(number)]  # fmt: skip
        columns["rating"] = pa.array(stars, pa.float64(), from_pandas=False)
    for user, item, star, second in zip(users[1], items[1], stars, seconds, strict=True):
        fine = user and item and second is not None and star is not None and abs(star) < 1e300
        if fine:
            case.good.append((user, item, star, second))
        else:
            case.bad += 1
    clash = draw.random() < 0.04
    if clash:
        columns["USER_ID"] = pa.array(["x"] * number)
    case.refused |= clash
    pq.write_table(pa.table(columns), case.path, row_group_size=draw.choice([3, 1000]))
    if draw.random() < 0.04:
        case.path.write_bytes(case.path.read_bytes()[: draw.choice([0, 3, -9])])
        case.refused = True
    return case


def _few(draw: random.Random) -> int:
    return 3 if draw.random() < 0.15 else 0


def _ids(case: Case, draw: random.Random, number: int) -> tuple[pa.Array, list[str | None]]:
    """Draw a column of ids, and how each should be read."""
    kind = draw.choice([*WHOLE][: -len(NO_IDS)] * 4 + [*NO_IDS])
    case.what += f" {kind}"
    values: list[Any] = [draw.randint(1, 12) for _ in range(number)]
    spelt: list[str | None] = [str(value) for value in values]
    if kind in ("float64", "float32", "decimal") and draw.random() < 0.4:
        place = draw.randrange(number) if number else 0
        odd = draw.choice([1.5, None] if kind == "decimal" else [1.5, float("nan"), None, 2.0**60])
        values[place : place + 1] = [odd] if number else []
        spelt[place : place + 1] = [None] if number else []
    make: dict[str, Callable[[Any], Any]] = {
        "bytes": lambda value: str(value).encode(),
        "lists": lambda value: [value],
        "moments": lambda value: datetime(2020, 1, value),
        "decimal": lambda value: Decimal(str(value)),
        **dict.fromkeys(("text", "large text", "categories"), str),
    }
    change = make.get(kind, lambda value: value)
    made = [None if value is None else change(value) for value in values]
    case.refused |= kind in NO_IDS
    return pa.array(made, WHOLE[kind], from_pandas=False), spelt


def _times(case: Case, draw: random.Random, number: int) -> tuple[pa.Array, list[int | None]]:
    """Draw a column of times, and the second that each is."""
    seconds: list[int | None] = [START + draw.randint(0, 10**6) for _ in range(number)]
    kind = draw.choice(
        ["int s", "int ms", "float s", "text iso", "text s", "stamps s", "stamps us", "stamps ns",
         "zone", "dates", "int32", "uint64", "booleans"]
    )  # fmt: skip
    case.what += f" times {kind}"
    case.refused |= kind == "booleans"
    spoilt = bool(number > 1 and draw.random() < 0.3)
    types = {
        "int s": pa.int64(), "int ms": pa.int64(), "float s": pa.float64(),
        "text iso": pa.string(), "text s": pa.string(), "stamps s": pa.timestamp("s"),
        "stamps us": pa.timestamp("us"), "stamps ns": pa.timestamp("ns"),
        "zone": pa.timestamp("ms", "Europe/Berlin"), "dates": pa.date32(), "int32": pa.int32(),
        "uint64": pa.uint64(), "booleans": pa.bool_(),
    }  # fmt: skip
    factor = {"int ms": 1000, "stamps us": 10**6, "stamps ns": 10**9, "zone": 1000}.get(kind, 1)
    values: list[Any] = [second * factor for second in seconds if second is not None]
    if kind == "dates":
        seconds = [second // 86400 * 86400 for second in seconds if second is not None]
        values = [second // 86400 for second in seconds if second is not None]
    if kind == "text iso":
        values = [iso(second, draw) for second in seconds if second is not None]
    if kind == "text s":
        values = [str(second) for second in seconds]
    if kind == "booleans":
        values = [True] * number
    wrong: dict[str, list[Any]] = {
        "float s": [1.5, float("nan"), float("inf"), -1.0, 1e300],
        "text iso": ["", "yesterday", "2020-02-31"], "text s": ["soon", "1.5"],
        "int s": [-5], "uint64": [2**64 - 1], "stamps s": [-5, 2**53], "zone": [2**60],
    }  # fmt: skip
    if spoilt:
        place = draw.randrange(number)
        values[place] = draw.choice([*wrong.get(kind, []), None])
        seconds[place] = None
    return pa.array(values, types[kind], from_pandas=False), seconds


def as_frame(rows: list[tuple[str, str, float, int]]) -> pd.DataFrame:
    """Lay rows out as a table."""
    return pd.DataFrame(rows, columns=["user_id", "item_id", "rating", "timestamp"])
