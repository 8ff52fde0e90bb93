"""Every release's format, from a zip and from a folder, and what is said when one is damaged."""

import zipfile

import pandas as pd
import pytest

from seqrec.datasets.properties import PropertiesDataset
from seqrec.datasets.ratings import RatingsDataset
from seqrec.errors import ProjectError
from seqrec.sources import movielens
from seqrec.tables import columns as c
from tests.conftest import DUCKDB

CSV_RATINGS = "userId,movieId,rating,timestamp\n1,10,3.5,964982703\n2,11,5.0,964982704\n"
CSV_MOVIES = (
    'movieId,title,genres\n10,"Postman, The (Postino, Il) (1994)",Comedy|Drama\n11,Untitled,War\n'
)
SEPARATED_MOVIES = "10::Postman, The (Postino, Il) (1994)::Comedy|Drama\n11::Untitled::War\n"
FLAGS = {"Comedy": 5, "Drama": 8, "War": 17}


@pytest.fixture(autouse=True)
def _archives_of_our_own(monkeypatch):
    """The tests' archives are not GroupLens'."""
    monkeypatch.setattr(movielens, "MD5", {})


def item_line(item, title, *genres):
    flags = ["1" if place in {FLAGS[g] for g in genres} else "0" for place in range(19)]
    return "|".join([item, title, "01-Jan-1994", "", "http://x", *flags]) + "\n"


RELEASES = {
    "ml-100k": (
        "ml-100k",
        {
            "u.data": "1\t10\t3.5\t964982703\n2\t11\t5.0\t964982704\n",
            "u.item": item_line("10", "Postman, The (Postino, Il) (1994)", "Comedy", "Drama")
            + item_line("11", "Untitled", "War"),
            "u.user": "1|24|M|technician|85711\n2|53|F|other|94043\n",
        },
    ),
    "ml-1m": (
        "ml-1m",
        {
            "ratings.dat": "1::10::3.5::964982703\n2::11::5::964982704\n",
            "movies.dat": SEPARATED_MOVIES,
            "users.dat": "1::M::24::12::85711\n2::F::53::0::94043\n",
        },
    ),
    "ml-10m": (
        "ml-10M100K",
        {
            "ratings.dat": "1::10::3.5::964982703\n2::11::5::964982704\n",
            "movies.dat": SEPARATED_MOVIES,
        },
    ),
    **{
        name: (name, {"ratings.csv": CSV_RATINGS, "movies.csv": CSV_MOVIES})
        for name in ("ml-20m", "ml-25m", "ml-32m", "ml-latest-small")
    },
}


def write(folder, release, packed):
    inside, members = RELEASES[release]
    if packed:
        with zipfile.ZipFile(folder / f"{release}.zip", "w") as archive:
            for name, text in members.items():
                archive.writestr(f"{inside}/{name}", text)
        return
    (folder / release).mkdir()
    for name, text in members.items():
        (folder / release / name).write_text(text)


def ratings_of(folder, release, mirror=None):
    return RatingsDataset(
        dataset=release,
        filepath=str(folder),
        engine=DUCKDB,
        mirror=mirror,
        rejects=str(folder / "rejects.csv"),
    )


def load(folder, release, table):
    if table == "ratings":
        dataset = ratings_of(folder, release)
        dataset.preflight()
        return dataset.load().to_pandas()
    dataset = PropertiesDataset(dataset=release, of=table, filepath=str(folder))
    dataset.preflight()
    return dataset.load()


@pytest.mark.parametrize("packed", [True, False], ids=["zip", "folder"])
@pytest.mark.parametrize("release", list(RELEASES))
def test_every_release_reads_the_same(tmp_path, release, packed):
    write(tmp_path, release, packed)
    ratings = load(tmp_path, release, "ratings")
    expected = {c.USER: ["1", "2"], c.ITEM: ["10", "11"], c.RATING: [3.5, 5.0]}
    expected[c.TIMESTAMP] = [964982703, 964982704]
    pd.testing.assert_frame_equal(ratings, pd.DataFrame(expected), check_dtype=False)
    assert ratings[c.TIMESTAMP].dtype == "int64"
    movies = load(tmp_path, release, "movies")
    assert movies[c.ITEM].tolist() == ["10", "11"]
    assert movies[c.TITLE].tolist() == ["Postman, The (Postino, Il)", "Untitled"]
    assert movies[c.YEAR].tolist() == [1994, pd.NA]
    assert movies[c.GENRES].tolist() == ["Comedy|Drama", "War"]
    users = load(tmp_path, release, "users")
    known = release in ("ml-100k", "ml-1m")
    assert users["age"].tolist() == (["24", "53"] if known else [])
    assert users["gender"].tolist() == (["M", "F"] if known else [])
    assert list(users) == [c.USER, "age", "gender", "occupation", "zip_code"]


def test_only_what_is_needed_is_unpacked_and_once(tmp_path):
    write(tmp_path, "ml-20m", packed=True)
    with zipfile.ZipFile(tmp_path / "ml-20m.zip", "a") as archive:
        archive.writestr("ml-20m/genome-scores.csv", "large")
    load(tmp_path, "ml-20m", "ratings")
    assert [path.name for path in (tmp_path / "ml-20m").iterdir()] == ["ratings.csv"]
    (tmp_path / "ml-20m.zip").unlink()
    assert len(load(tmp_path, "ml-20m", "ratings")) == 2


def test_latin_1_titles(tmp_path):
    (tmp_path / "ml-1m").mkdir()
    line = "1::Misérables, Les (1995)::Drama\n"
    (tmp_path / "ml-1m" / "movies.dat").write_bytes(line.encode("latin-1"))
    assert load(tmp_path, "ml-1m", "movies")[c.TITLE].tolist() == ["Misérables, Les"]


def test_ml_100k_comes_with_recbole(tmp_path):
    ratings = load(tmp_path, "ml-100k", "ratings")
    movies = load(tmp_path, "ml-100k", "movies")
    users = load(tmp_path, "ml-100k", "users")
    assert users.iloc[0].tolist() == ["1", "24", "M", "technician", "85711"]
    assert len(users) == 943
    assert len(ratings) == 100_000
    assert ratings[c.USER].nunique() == 943
    assert len(movies) == 1682
    assert movies.iloc[0].tolist() == ["1", "Toy Story", 1995, "Animation|Children's|Comedy"]


def test_an_unknown_release_lists_the_known_ones(tmp_path):
    with pytest.raises(
        ProjectError, match=r"'ml-9m' \(did you mean ml-\d+m\?\): choose one of ml-100k"
    ):
        ratings_of(tmp_path, "ml-9m").preflight()


def test_a_missing_release_says_where_to_put_it(tmp_path):
    with pytest.raises(ProjectError, match=r"ml-1m is not in .*: put ml-1m\.zip or its unpacked"):
        ratings_of(tmp_path, "ml-1m").preflight()


def test_a_truncated_zip_is_named_and_leaves_nothing(tmp_path):
    write(tmp_path, "ml-1m", packed=True)
    whole = (tmp_path / "ml-1m.zip").read_bytes()
    (tmp_path / "ml-1m.zip").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ProjectError, match=r"ml-1m\.zip is damaged"):
        ratings_of(tmp_path, "ml-1m").preflight()
    assert [path.name for path in tmp_path.iterdir()] == ["ml-1m.zip"]


def test_a_zip_without_the_table_is_named(tmp_path):
    with zipfile.ZipFile(tmp_path / "ml-1m.zip", "w") as archive:
        archive.writestr("ml-1m/README", "")
    with pytest.raises(ProjectError, match="damaged"):
        ratings_of(tmp_path, "ml-1m").preflight()


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "ml-20m").mkdir()
    (tmp_path / "ml-20m" / "ratings.csv").write_text("userId,movieId,rating\n1,2,3\n")
    with pytest.raises(ProjectError, match="column 'timestamp' is missing: found userId, movieId"):
        ratings_of(tmp_path, "ml-20m").preflight()


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "is empty"),
        ("a::b\n", "line 1: 2 columns instead of 4"),
        ("1::2::3::4\n1::2::x::y::z\n", "line 2: 5 columns instead of 4"),
        ("1::2::x::4\n", "line 1: rating 'x' is no number"),
    ],
)
def test_a_file_of_another_format_is_named_with_its_line(tmp_path, text, complaint):
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "ratings.dat").write_text(text)
    with pytest.raises(ProjectError, match=rf"ratings\.dat.*{complaint}"):
        ratings_of(tmp_path, "ml-1m").preflight()


@pytest.mark.parametrize("text", ["", "1::x\n"])
def test_movies_of_another_format_are_named(tmp_path, text):
    (tmp_path / "ml-1m").mkdir()
    (tmp_path / "ml-1m" / "movies.dat").write_text(text)
    with pytest.raises(ProjectError, match=r"movies\.dat is not a ml-1m movies file"):
        load(tmp_path, "ml-1m", "movies")
