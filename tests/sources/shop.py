"""A shop's log as an entry of the catalog."""

import pytest

from seqrec.datasets.ratings import RatingsDataset
from tests.conftest import DUCKDB
from tests.engine.test_engines import SPARK, needs_spark

either_engine = pytest.mark.parametrize(
    "engine", [DUCKDB, pytest.param(SPARK, marks=needs_spark)], ids=["duckdb", "spark"]
)

GOOD = "user_id,item_id,timestamp\nanna,x,100\nben,y,200\n"


def dataset(path, engine=DUCKDB, **source):
    return RatingsDataset(
        dataset="shop", filepath="raw", engine=engine, source={"path": str(path), **source},
        rejects=str(path.parent / "kept" / "rejects.csv"),
    )  # fmt: skip


def read(path, engine=DUCKDB, **source):
    opened = dataset(path, engine, **source)
    opened.preflight()
    return opened.load().to_pandas()


def file_of(folder, text, name="log.csv"):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path
