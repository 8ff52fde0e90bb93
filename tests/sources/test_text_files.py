"""Text as other programs write it: read as it is meant, or refused with line and remedy."""

import gzip

import pytest
import yaml
from omegaconf import OmegaConf

from seqrec.errors import ProjectError
from seqrec.parameters import Source
from seqrec.tables import columns as c
from tests.sources.shop import GOOD, dataset, either_engine, file_of, read


@either_engine
@pytest.mark.parametrize(
    "text",
    [
        "user_id,item_id,timestamp\r\nanna,x,100\nben,y,200\r\n",
        "user_id,item_id,timestamp\nanna,x,100\rben,y,200\n",
    ],
)
def test_mixed_line_ends_are_read(tmp_path, engine, text):
    assert read(file_of(tmp_path, text), engine)[c.USER].tolist() == ["anna", "ben"]


@either_engine
@pytest.mark.parametrize("on_bad_rows", ["error", "reject"])
def test_a_line_end_in_quotes_belongs_to_the_value(tmp_path, engine, on_bad_rows):
    path = file_of(tmp_path, 'user_id,item_id,timestamp\nanna,"x\ny",100\nben,z,200\n')
    table = read(path, engine, on_bad_rows=on_bad_rows)
    assert table[c.ITEM].tolist() == ["x\ny", "z"]


@either_engine
def test_latin_1_is_named_with_line_and_remedy(tmp_path, engine):
    text = "user_id,item_id,timestamp\nanna,x,1\nRené,y,2\nRenè,z,3\n".encode("latin-1")
    path = file_of(tmp_path, text)
    with pytest.raises(ProjectError, match=r"2 bad rows, line 3: user_id 'Ren\\xe9' is not UTF-8"):
        dataset(path, engine).load()
    with pytest.raises(ProjectError, match=r"\(Latin-1 or Windows-1252\?\).*save the file as UTF"):
        dataset(path, engine).load()
    assert read(path, engine, on_bad_rows="reject")[c.USER].tolist() == ["anna"]


@either_engine
def test_latin_1_in_a_column_that_is_not_read_is_of_no_account(tmp_path, engine):
    text = "user_id,item_id,timestamp,note\nanna,x,1,é\nben,y,2,\n".encode("latin-1")
    assert read(file_of(tmp_path, text), engine)[c.USER].tolist() == ["anna", "ben"]


@pytest.mark.parametrize(
    ("data", "name", "complaint"),
    [
        (GOOD.encode("utf-16"), "log.csv", "is UTF-16: save it as UTF-8"),
        (gzip.compress(GOOD.encode()), "log.csv", r"gzip: give its name the ending \.gz"),
        (b"PK\x03\x04abcd", "log.csv", "a zip archive or a spreadsheet"),
        (b"PAR1abcd", "log.csv", r"Parquet: give its name the ending \.parquet"),
        (b"\n" + GOOD.encode(), "log.csv", "begins with an empty line"),
        (GOOD.splitlines()[0].encode(), "log.csv", "holds no interactions"),
    ],
)
def test_a_file_of_another_kind_is_named(tmp_path, data, name, complaint):
    with pytest.raises(ProjectError, match=complaint):
        read(file_of(tmp_path, data, name))


@either_engine
@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_cut_gz_is_refused_however_much_is_left(tmp_path, engine, share):
    lines = "".join(f"u{n},i{n % 7},{1000 + n}\n" for n in range(20_000))
    packed = gzip.compress(f"user_id,item_id,timestamp\n{lines}".encode())
    path = file_of(tmp_path, packed[: int(len(packed) * share)], "log.csv.gz")
    with pytest.raises(
        ProjectError, match=r"log\.csv\.gz cannot be read .*cut or damaged"
    ) as told:
        dataset(path, engine).load()
    assert "\n" not in str(told.value)


@either_engine
def test_columns_that_differ_by_case_are_told_apart(tmp_path, engine):
    path = file_of(tmp_path, "User,user,item_id,timestamp,\nanna,1,x,100,\nben,2,y,200,\n")
    assert read(path, engine, user="User")[c.USER].tolist() == ["anna", "ben"]
    assert read(path, engine, user="user")[c.USER].tolist() == ["1", "2"]


@either_engine
def test_a_line_that_lacks_what_is_not_read_is_bad_all_the_same(tmp_path, engine):
    path = file_of(tmp_path, "user_id,item_id,timestamp,note\nanna,x,1,n\nben,y,2\n")
    with pytest.raises(ProjectError, match="1 bad rows, line 3: 3 columns instead of 4"):
        dataset(path, engine).load()


@pytest.mark.parametrize("on_bad_rows", ["error", "reject"])
def test_a_quote_that_is_not_closed_is_told_where_it_begins(tmp_path, on_bad_rows):
    path = file_of(tmp_path, GOOD + 'carl,"z,300\ndora,v,400\n')
    opened = dataset(path, on_bad_rows=on_bad_rows)
    if on_bad_rows == "error":
        with pytest.raises(ProjectError, match=r"1 bad rows, line 4: .*is a quote not closed\?"):
            opened.load()
    else:
        assert opened.load().to_pandas()[c.USER].tolist() == ["anna", "ben"]


def test_a_file_without_a_good_row_is_never_told_to_set_them_aside(tmp_path):
    path = file_of(tmp_path, "user_id,item_id,timestamp\n,x,100\n,y,200\n")
    for on_bad_rows in ("error", "reject"):
        with pytest.raises(
            ProjectError, match="no row is an interaction, line 2: no user_id"
        ) as told:
            dataset(path, on_bad_rows=on_bad_rows).load()
        assert "reject" not in str(told.value)
    assert not [*tmp_path.rglob("rejects.csv")]


def of_params(separator):
    """Read a separator as ``--params`` does."""
    (value,) = OmegaConf.to_container(OmegaConf.from_dotlist([f"separator={separator}"])).values()
    return value


@pytest.mark.parametrize(
    ("written", "means"),
    [
        ("tab", "\t"), ("\\t", "\t"), ("|", "|"), ("pipe", "|"), ("::", "::"), (";", ";"),
        ("semicolon", ";"), ("space", " "), ("comma", ","), ("colon", ":"), ("';'", ";"),
    ],
)  # fmt: skip
def test_a_separator_can_be_given_on_the_command_line(tmp_path, written, means):
    assert Source.model_validate({"separator": of_params(written)}).separator == means
    path = file_of(tmp_path, GOOD.replace(",", means))
    assert read(path, separator=of_params(written))[c.USER].tolist() == ["anna", "ben"]


def test_a_separator_can_be_given_in_a_file():
    for written in ('"\\t"', '"|"', '"::"', "tab", "';'"):
        value = yaml.safe_load(f"separator: {written}")
        assert len(Source.model_validate(value).separator) in (1, 2)


@pytest.mark.parametrize("separator", [None, '"', "\n", "\\", "abc"])
def test_a_separator_that_is_none_is_refused(tmp_path, separator):
    with pytest.raises(ProjectError, match=r"source\.separator: ") as told:
        dataset(file_of(tmp_path, GOOD), separator=separator).preflight()
    assert "\n" not in str(told.value)


def test_the_right_separator_is_named(tmp_path):
    path = file_of(tmp_path, GOOD.replace(",", ";"))
    with pytest.raises(ProjectError, match=r"'user_id' is missing.*source\.separator=semicolon"):
        dataset(path).preflight()
