"""A table of one's own is described once; its titles lie beside it."""

import json
import shutil

import pandas as pd
import pytest

from seqrec.datasets.properties import PropertiesDataset
from seqrec.datasets.ratings import RatingsDataset
from seqrec.errors import ProjectError
from seqrec.tables import columns as c
from seqrec.tables.schemas import Movies, Users
from tests.conftest import DUCKDB
from tests.sources.shop import file_of

LOG = "customer;sku;at\nanna;7;100\nben;8;200\n"
DESCRIBED = {"user": "customer", "item": "sku", "timestamp": "at", "separator": "semicolon"}


@pytest.fixture
def shop(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    file_of(tmp_path, LOG)
    return tmp_path


def kept(folder):
    return json.loads((folder / "data" / "01_raw" / "shop" / "source.json").read_text())


def common(source, name="shop"):
    return {
        "dataset": name, "filepath": "data/01_raw", "source": source,
        "definition": f"data/01_raw/{name}/source.json",
    }  # fmt: skip


def ratings(source, **more):
    opened = RatingsDataset(**common(source, **more), engine=DUCKDB, rejects="data/rejects.csv")
    opened.preflight()
    return opened.load().to_pandas()


def properties(source, of="movies"):
    opened = PropertiesDataset(**common(source), of=of)
    opened.preflight()
    return opened.load()


def test_a_dataset_is_remembered_by_its_name(shop):
    given = {"path": "log.csv", **DESCRIBED}
    before = ratings(given)
    pd.testing.assert_frame_equal(ratings(None), before)
    assert kept(shop)["user"] == "customer"
    assert properties(None).empty
    Users.validate(properties(None, of="users"))


def test_a_project_that_moves_takes_its_definition_along(shop, tmp_path_factory, monkeypatch):
    ratings({"path": str(shop / "log.csv"), **DESCRIBED})
    target = tmp_path_factory.mktemp("elsewhere") / "project"
    shutil.move(shop, target)
    monkeypatch.chdir(target)
    assert len(ratings(None)) == 2


def test_what_is_given_without_a_path_changes_what_is_remembered(shop, caplog):
    ratings({"path": "log.csv", **DESCRIBED})
    with (shop / "log.csv").open("a") as handle:
        handle.write("carl;9;soon\n")
    with pytest.raises(ProjectError, match="1 bad rows, line 4"):
        ratings(None)
    assert "anew" not in caplog.text
    assert len(ratings({"on_bad_rows": "reject"})) == 2
    (line,) = [line for line in caplog.messages if "anew" in line]
    assert "source.on_bad_rows=reject (was error)" in line
    assert len(ratings(None)) == 2


def test_another_source_under_the_name_is_told_in_one_line(shop, caplog):
    ratings({"path": "log.csv", **DESCRIBED})
    file_of(shop, "user_id,item_id,timestamp\nzoe,1,5\n", "other.csv")
    assert ratings({"path": "other.csv"})[c.USER].tolist() == ["zoe"]
    (line,) = [line for line in caplog.messages if "anew" in line]
    assert f"source.path={shop / 'other.csv'} (was {shop / 'log.csv'})" in line
    assert "source.user=user_id (was customer)" in line
    assert ratings(None)[c.USER].tolist() == ["zoe"]


def test_a_source_that_is_refused_is_not_remembered(shop):
    with pytest.raises(ProjectError, match="'nobody' is missing"):
        ratings({"path": "log.csv", **DESCRIBED, "user": "nobody"})
    assert not (shop / "data").exists()
    with pytest.raises(ProjectError, match="unknown dataset 'shop'"):
        ratings(None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"usr": "x"}', '{"path": "log.csv"', "\x00"])
def test_a_damaged_definition_is_named_and_can_be_given_anew(shop, text):
    given = {"path": "log.csv", **DESCRIBED}
    ratings(given)
    (shop / "data" / "01_raw" / "shop" / "source.json").write_text(text)
    with pytest.raises(ProjectError, match=r"source\.json does not describe a source") as told:
        ratings(None)
    assert "\n" not in str(told.value)
    assert len(ratings(given)) == 2
    assert len(ratings(None)) == 2


def test_the_name_of_a_release_is_none_for_ones_own_data(shop):
    with pytest.raises(ProjectError, match="dataset=ml-100k is a MovieLens release: give your"):
        ratings({"path": "log.csv", **DESCRIBED}, name="ml-100k")


def titles_of(folder, text, name="films.csv", **columns):
    path = file_of(folder, text, name)
    items = {"path": str(path), **columns} if columns else str(path)
    return properties({"path": "log.csv", **DESCRIBED, "items": items})


def test_titles_of_ones_own(shop):
    text = "sku;title;genres;year\n7;The  Cup;Kitchen|Red;1999\n8;;;\n9;Ünï;Blue;\n"
    table = titles_of(shop, text)
    Movies.validate(table)
    assert table.astype(object).where(table.notna(), None).to_dict("list") == {
        c.ITEM: ["7", "8", "9"],
        c.TITLE: ["The Cup", "8", "Ünï"],
        c.YEAR: [1999, None, None],
        c.GENRES: ["Kitchen|Red", "", "Blue"],
    }


def test_titles_under_other_names_and_separators(shop):
    columns = {"item": "id", "title": "name", "separator": "tab"}
    table = titles_of(shop, "name\tid\nThe Cup\t7\n", **columns)
    assert table[[c.ITEM, c.TITLE]].to_dict("list") == {c.ITEM: ["7"], c.TITLE: ["The Cup"]}
    Movies.validate(table)


def test_titles_in_parquet(shop):
    frame = pd.DataFrame({"sku": [7, 8], "title": ["Cup", None], "year": [1999, None]})
    frame.to_parquet(shop / "films.parquet")
    items = str(shop / "films.parquet")
    table = properties({"path": "log.csv", **DESCRIBED, "items": items})
    Movies.validate(table)
    assert table[c.ITEM].tolist() == ["7", "8"]
    assert table[c.TITLE].tolist() == ["Cup", "8"]
    assert table[c.YEAR].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("text", "columns", "complaint"),
    [
        ("sku;name\n7;Cup\n", {}, "column 'title' is missing: found sku, name"),
        ("sku;title\n7;Cup\n", {"year": "since"}, "column 'since' is missing"),
        ("sku;title\n7;Cup\n7;Mug\n", {}, r"films\.csv, line 3: item '7' is there twice"),
        ("sku;title\n;Cup\n", {}, "line 2: no item"),
        ("sku;title;year\n7;Cup;soon\n", {}, "line 2: 'soon' is no year"),
        ("sku;title\n7\n", {}, "line 2: 1 columns instead of 2"),
        ("sku;title\n7;Caf\udce9\n", {}, r"line 2: title 'Caf\\xe9' is not UTF-8"),
        ("", {}, "is empty"),
    ],
)
def test_titles_that_cannot_be_used_are_refused_before_the_run(shop, text, columns, complaint):
    with pytest.raises(ProjectError, match=complaint) as told:
        titles_of(shop, text.encode("utf-8", "surrogateescape"), **columns)
    assert "\n" not in str(told.value)


def test_a_table_of_titles_that_is_not_there_is_named(shop):
    with pytest.raises(ProjectError, match=r"source\.items: there is no file .*nowhere\.csv"):
        properties({"path": "log.csv", **DESCRIBED, "items": "nowhere.csv"})
