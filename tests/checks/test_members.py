"""An ensemble is made of trainings that are there and belong together, or refused in one line."""

import pytest

from seqrec.checks.members import Kept, choose_members
from seqrec.errors import ProjectError
from seqrec.parameters import Ensemble
from seqrec.runs import Data, Training

NOW = Data("data-now", {"tie_policy": "hash"})


def record(name, seed=1, **model):
    return {"name": name, "model": {"parts": "both", **model}, "training": {"seed": seed}}


def training(name, version, seed=1, data="data-now", score=0.5, ids="ids", **model):
    return Training(version, record(name, seed, **model), data, score, NOW.protocol, ids)


TRAININGS = {
    "ss4rec": [
        training("ss4rec", "1", score=0.9),
        training("ss4rec", "2", seed=2),
        training("ss4rec", "3", seed=2, parts="mamba"),
        training("ss4rec", "4", seed=3, data="data-before"),
        training("ss4rec", "5"),
        training("ss4rec", "6", seed=3, parts="mamba"),
    ],
    "ncf": [training("ncf", "5")],
    "sasrec": [training("sasrec", "5", ids="other-ids")],
    "gru4rec": [training("gru4rec", "4", data="data-before")],
    "hstu": [],
}


def chosen(*wanted, data=NOW, **runs):
    kept = Kept(TRAININGS.__getitem__, record, runs, data)
    return [str(member) for member in choose_members(wanted, kept)]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (("ss4rec", "ncf"), ["ss4rec@5", "ncf@5"]),
        (("ncf", "ss4rec@2"), ["ncf@5", "ss4rec@2"]),
        (("ss4rec@latest", "ncf"), ["ss4rec@6", "ncf@5"]),
        (("ss4rec@best", "ncf"), ["ss4rec@1", "ncf@5"]),
        (("ss4rec@present", "ncf@latest"), ["ss4rec@5", "ncf@5"]),
        (("ss4rec@seeds",), ["ss4rec@2", "ss4rec@5"]),
        (("ss4rec@seeds", "ncf@all"), ["ss4rec@2", "ss4rec@5", "ncf@5"]),
        (("ss4rec@all",), ["ss4rec@2", "ss4rec@3", "ss4rec@5", "ss4rec@6"]),
        (("ss4rec@5", "ss4rec@6", "ss4rec@2"), ["ss4rec@5", "ss4rec@6", "ss4rec@2"]),
    ],
    ids="+".join,
)
def test_members_are_chosen(wanted, found):
    assert chosen(*wanted) == found


def test_which_training_of_a_model_counts_is_said_by_runs():
    assert chosen("ss4rec", "ncf", ss4rec="best") == ["ss4rec@1", "ncf@5"]
    assert chosen("ss4rec@present", "ncf", ss4rec="best") == ["ss4rec@5", "ncf@5"]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (("hstu", "ncf"), r"hstu: no training of the present configuration and data is kept: tra"),
        (
            ("ss4rec@9", "ncf"),
            r"ss4rec: no training 9 is kept, but 6 others: 6 \(parts=mamba, seed=3.*members",
        ),
        (("gru4rec", "ncf"), r"gru4rec: no training of the present configuration.*4 \(other dat"),
        (("gru4rec@seeds", "ncf"), r"gru4rec: no training of the present configuration and data"),
        (("gru4rec@all", "ncf"), r"gru4rec: no training of the present data is kept, but 1 other"),
        (("gru4rec@4", "ncf"), r"gru4rec@4 was trained on other data.*\(data data-before, now da"),
        (("ss4rec@4", "ss4rec@5"), r"ss4rec@4 was trained on other data than is there now"),
        (("ncf", "sasrec"), r"ncf@5 and sasrec@5 were trained on different data, users or items"),
        (("ncf",), r"ncf@5 alone is no ensemble: name another model, or train another seed"),
        (("ncf@seeds",), r"ncf@5 alone is no ensemble: .*train_ncf --params ncf.training.seed="),
        (("ncf", "ncf@5"), r"ncf@5 is there twice: leave one out"),
        (("ss4rec@seeds", "ss4rec"), r"ss4rec@5 is there twice"),
        (("ss4rec@1", "ss4rec@5"), r"ss4rec@5 and ss4rec@1 are the same training and would count"),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, tuple) else "",
)
def test_what_does_not_belong_together_is_refused_in_one_line(wanted, complaint):
    with pytest.raises(ProjectError, match=complaint) as refused:
        chosen(*wanted)
    assert "\n" not in str(refused.value)


def test_data_that_this_run_makes_are_not_known_yet():
    """What is told apart by fingerprint only, no protocol tells apart: members must agree."""
    assert chosen("ss4rec", "ncf", data=Data(None, NOW.protocol)) == ["ss4rec@5", "ncf@5"]
    with pytest.raises(ProjectError, match="gru4rec@4 and ncf@5 were trained on different data"):
        chosen("gru4rec", "ncf", data=Data(None, NOW.protocol))


def test_members_can_be_typed_and_listed():
    typed = Ensemble.model_validate({"members": "ss4rec@2026-11-24T10.00.00.000Z+ncf@seeds"})
    listed = ["ss4rec@2026-11-24T10.00.00.000Z", "ncf@seeds"]
    assert typed == Ensemble.model_validate({"members": listed})
    assert Ensemble().members is None
