"""One set of nodes, two engines: the same interactions and held-out items, row for row."""

import os
import shutil

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from kedro.io.core import Version

from seqrec.datasets.artefact import ArtefactDataset
from seqrec.datasets.atomic_files import AtomicFilesDataset
from seqrec.datasets.ratings import RatingsDataset
from seqrec.datasets.table import TableDataset
from seqrec.engine.connection import connect
from seqrec.engine.files import write_text
from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.pipelines.data_processing.nodes import (
    clean_ratings,
    filter_core,
    mark_held_out,
    order_history,
)
from seqrec.pipelines.recbole_format.nodes import describe_interactions, write_atomic_files
from seqrec.tables import columns as c
from seqrec.tables.atomic_files import INTERACTIONS
from tests.conftest import DUCKDB, NOBODY
from tests.datasets.kinds import PartsDataset

SPARK = {
    "backend": "pyspark",
    "master": "local[2]",
    "spark.sql.shuffle.partitions": 2,
    "spark.driver.memory": "1g",
}
needs_spark = [
    pytest.mark.spark,
    pytest.mark.skipif(
        not shutil.which("java") and "CI" not in os.environ, reason="needs Java (make test)"
    ),
]


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    """Two thousand events with ties, repetitions, rare items and ids that sort as text."""
    generator = np.random.default_rng(3)
    users = generator.integers(1, 60, 2000)
    items = generator.zipf(1.4, 2000) % 300
    times = 1_500_000_000 + np.cumsum(generator.integers(0, 2, 2000) * generator.integers(1, 999))
    table = pd.DataFrame({"who": users, "what": [f"é {i},x" for i in items], "at": times})
    table["stars"] = generator.integers(1, 11, 2000) / 2
    table = pd.concat([table, table.sample(50, random_state=1)])
    path = tmp_path_factory.mktemp("log") / "log.csv"
    table.to_csv(path, index=False)
    return path


def run(folder, engine, path, **options):
    """Run data_processing and recbole_format as the catalog wires them."""
    source = {"path": str(path), "user": "who", "item": "what", "timestamp": "at"}
    raw = RatingsDataset(
        dataset="log",
        filepath="raw",
        engine=engine,
        source={**source, "rating": "stars"},
        rejects=str(folder / "rejects.csv"),
    )
    ratings = TableDataset(
        filepath=str(folder / "ratings.parquet"),
        engine=engine,
        contract="seqrec.tables.contracts.Ratings",
    )
    interactions = TableDataset(
        filepath=str(folder / "interactions.parquet"),
        engine=engine,
        contract="seqrec.tables.contracts.Interactions",
    )
    parameters = DataProcessing.model_validate({"user_core": 3, "item_core": 2, **options})
    ratings.save(clean_ratings(raw.load(), parameters))
    histories = order_history(filter_core(ratings.load(), parameters), parameters)
    interactions.save(mark_held_out(histories, parameters))
    movies = pd.DataFrame(columns=[c.ITEM, c.TITLE, c.YEAR, c.GENRES], dtype=str)
    stats = describe_interactions(interactions.load())
    version = Version(None, "2026-01-01T00.00.00.000Z")
    atomic = AtomicFilesDataset(filepath=str(folder / "files"), version=version)
    atomic.save(write_atomic_files(interactions.load(), movies, NOBODY, stats))
    return AtomicFilesDataset(filepath=str(folder / "files"), version=Version(None, None)).load()


OPTIONS = [
    {"tie_policy": "hash"},
    {"tie_policy": "file", "min_rating": 2.0},
    pytest.param({"tie_policy": "group"}, marks=pytest.mark.slow),
    pytest.param(
        {"split": "temporal", "valid_from": 0.6, "test_from": 0.8}, marks=pytest.mark.slow
    ),
]


@pytest.mark.parametrize("options", OPTIONS, ids=["hash", "file", "group", "temporal"])
@pytest.mark.parametrize("engine", [pytest.param(SPARK, marks=needs_spark)], ids=["spark"])
def test_engines_agree_row_for_row(tmp_path, log, engine, options):
    expected, found = (
        run(tmp_path / name, which, log, **options)
        for name, which in (("duckdb", DUCKDB), ("other", engine))
    )
    assert expected.stats == found.stats
    assert expected.stats["splits"][c.TEST] > 20
    folders = [files.data_path / files.dataset for files in (expected, found)]
    for name in ("files.inter", "files.item"):
        assert folders[0].joinpath(name).read_text() == folders[1].joinpath(name).read_text()
    for name in (INTERACTIONS, "user_id.parquet", "item_id.parquet"):
        twins = [pq.read_table(folder / name) for folder in folders]
        assert twins[0].equals(twins[1].cast(twins[0].schema))
    primary = [
        pd.read_parquet(tmp_path / name / "interactions.parquet") for name in ("duckdb", "other")
    ]
    pd.testing.assert_frame_equal(*primary, check_dtype=False)


@pytest.mark.parametrize(
    "engine", [DUCKDB, pytest.param(SPARK, marks=needs_spark)], ids=["duckdb", "spark"]
)
def test_bad_rows_are_refused_or_set_aside_on_either_engine(tmp_path, engine):
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id,timestamp\na,x,1\nb,y\nc,z,soon\nd,w,4,5\ne,v,6\n")
    options = {"dataset": "log", "filepath": "raw", "engine": engine}
    options["rejects"] = str(tmp_path / "rejects.csv")
    strict = RatingsDataset(**options, source={"path": str(path)})
    with pytest.raises(
        ProjectError, match=r"3 bad rows, line 3: 2 columns .*line 4: .*line 5: 4 "
    ):
        strict.load()
    lenient = RatingsDataset(**options, source={"path": str(path), "on_bad_rows": "reject"})
    assert lenient.load().to_pandas()[c.USER].tolist() == ["a", "e"]
    assert len(pd.read_csv(tmp_path / "rejects.csv")) == 3


def test_a_table_that_breaks_its_contract_leaves_nothing(tmp_path, log):
    run(tmp_path, DUCKDB, log)
    good = TableDataset(filepath=str(tmp_path / "interactions.parquet"), engine=DUCKDB)
    before = (tmp_path / "interactions.parquet").read_bytes()
    broken = TableDataset(
        filepath=str(tmp_path / "interactions.parquet"),
        engine=DUCKDB,
        contract="seqrec.tables.contracts.Interactions",
    )
    rows = good.load()
    with pytest.raises(ProjectError, match="break the rule 'delta is at least 0"):
        broken.save(rows.mutate(**{c.DELTA: -rows[c.DELTA] - 1}))
    assert (tmp_path / "interactions.parquet").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "files",
        "interactions.parquet",
        "interactions.parquet.manifest.json",
        "ratings.parquet",
        "ratings.parquet.manifest.json",
    ]


def test_an_unknown_engine_is_named(tmp_path):
    pd.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "x.parquet")
    dataset = TableDataset(filepath=str(tmp_path / "x.parquet"), engine={"backend": "polars"})
    with pytest.raises(
        ProjectError, match=r"engine\.backend 'polars' is unknown: duckdb or pyspark"
    ):
        dataset.load()


def test_an_unknown_setting_is_named(tmp_path):
    pd.DataFrame({"id": ["a"]}).to_parquet(tmp_path / "x.parquet")
    engine = {**DUCKDB, "memory_limt": "1GB"}
    dataset = TableDataset(filepath=str(tmp_path / "x.parquet"), engine=engine)
    with pytest.raises(ProjectError, match=r"^engine: .*memory_limt.* \(globals\.yml\)$"):
        dataset.load()


@pytest.mark.parametrize("why", ["memory", "input"])
def test_a_table_that_cannot_be_computed_leaves_nothing(tmp_path, why):
    engine = {**DUCKDB, "memory_limit": "20MB", "max_temp_directory_size": "1MB", "threads": 1}
    if why == "memory":
        rows = connect(engine).sql("SELECT md5(i::text) AS id FROM range(2000000) t(i)")
        rows = rows.order_by("id")
    else:
        source = tmp_path / "source.parquet"
        pd.DataFrame({"id": ["a"]}).to_parquet(source)
        rows = TableDataset(filepath=str(source), engine=engine).load()
        source.unlink()
    with pytest.raises(ProjectError, match=r"^x\.parquet cannot be computed: [^\n]+$"):
        TableDataset(filepath=str(tmp_path / "x.parquet"), engine=engine).save(rows)
    assert not list(tmp_path.iterdir())


def test_a_text_that_cannot_be_written_is_one_line(tmp_path):
    table = connect(DUCKDB).sql("SELECT 1 AS id")
    with pytest.raises(ProjectError, match=r"^x\.inter cannot be computed: [^\n]+$"):
        write_text(table, tmp_path / "nowhere" / "x.inter")


def rows_of(table):
    return sorted(table.to_pandas().itertuples(index=False, name=None))


@pytest.mark.parametrize("versioned", [True, False], ids=["versions", "one place"])
@pytest.mark.parametrize(
    "others",
    [
        pytest.param((PartsDataset, DUCKDB), id="parts"),
        pytest.param((TableDataset, SPARK), marks=needs_spark, id="spark"),
    ],
)
def test_engines_take_turns_in_one_folder(tmp_path, others, versioned):
    """A file of DuckDB's and a folder of parts replace each other, and either reads both."""
    path = tmp_path / "ratings.parquet"
    turns = [(TableDataset, DUCKDB), others, (TableDataset, DUCKDB), others, others]
    for turn, (kind, engine) in enumerate(turns):
        version = Version(None, f"2026-01-0{turn + 1}T00.00.00.000Z") if versioned else None
        rows = pd.DataFrame({"id": [f"{turn}-{row}" for row in range(5)]})
        source = tmp_path / f"source-{turn}.parquet"
        rows.to_parquet(source)
        table = TableDataset(filepath=str(source), engine=engine).load()
        kind(filepath=str(path), engine=engine, version=version).save(table)
        latest = Version(None, None) if versioned else None
        for reader in (DUCKDB, engine):
            found = TableDataset(filepath=str(path), engine=reader, version=latest).load()
            assert rows_of(found) == rows_of(table)
        pandas = ArtefactDataset(
            filepath=str(path), dataset={"type": "pandas.ParquetDataset"}, version=latest
        )
        assert sorted(pandas.load()["id"]) == sorted(rows["id"])
    assert not [path for path in tmp_path.rglob(".*") if path.suffix != ".crc"]
