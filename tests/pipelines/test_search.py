import pandas as pd
import pytest
from pydantic import ValidationError

from seqrec.errors import ProjectError
from seqrec.parameter_tree import BLOCKS
from seqrec.pipelines.search import nodes, trials
from seqrec.training.studies import StudyStore
from tests.conftest import CPU, ncf_model, training
from tests.recbole_bridge.helpers import recommender_class

SPACE = {
    "model": {"dropout": {"low": 0.0, "high": 0.5}, "mf_size": {"choices": [8, 16]}},
    "training": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
}

search_ncf = nodes.search_node("ncf")


def ncf(count=3, space=SPACE, limits=None, **changes):
    return BLOCKS["ncf"].model_validate(
        {
            "model": ncf_model().model_dump(),
            "training": training("ncf", **changes).model_dump(),
            "search": {"trials": count, "space": space, "seed": 1, **(limits or {})},
        }
    )


@pytest.fixture
def store(tmp_path):
    return StudyStore(tmp_path / "study.db")


def test_trials_stay_in_their_space_and_the_table_tells_them(files, store, capsys):
    table = search_ncf(files, ncf(), CPU, store)
    assert table["trial"].tolist() == [0, 1, 2]
    assert table["model.dropout"].between(0, 0.5).all()
    assert set(table["model.mf_size"]) <= {8, 16}
    assert table["training.learning_rate"].between(1e-3, 1e-1).all()
    assert table["training.learning_rate"].nunique() == 3
    nodes.print_trials(table)
    best = table.sort_values("valid_metric", ascending=False).iloc[0]
    assert (
        f"ncf.training.learning_rate={best['training.learning_rate']}" in capsys.readouterr().out
    )
    figure = nodes.plot_trials(table)
    assert list(figure.data[0].y) == table["valid_metric"].cummax().tolist()


def test_a_search_goes_on_where_it_stopped(files, store, monkeypatch):
    """Killed in its second trial: the first counts, and no more than the rest are run."""
    own, count = trials._train, iter(range(100))

    def killed(*arguments):
        if next(count) == 1:
            raise KeyboardInterrupt
        return own(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(trials, "_train", killed)
        with pytest.raises(KeyboardInterrupt):
            search_ncf(files, ncf(), CPU, store)
    first = search_ncf(files, ncf(count=1), CPU, store)
    assert len(first) == 1
    table = search_ncf(files, ncf(), CPU, store)
    assert len(table) == 3
    pd.testing.assert_frame_equal(table.head(1), first)


def test_when_time_is_up_the_trial_that_runs_is_stopped_and_counts(files, store):
    table = search_ncf(files, ncf(epochs=50, limits={"minutes": 1e-6}), CPU, store)
    assert table["epochs"].tolist() == [1]
    assert table["state"].tolist() == ["pruned"]
    whole = search_ncf(files, ncf(epochs=50, limits={"minutes": 60.0, "epochs": 2}), CPU, store)
    assert whole["epochs"].max() == 2
    assert len(whole) == 3


def test_trials_of_other_lengths_are_not_compared(files, store):
    search_ncf(files, ncf(count=1, limits={"epochs": 1}), CPU, store)
    assert len(search_ncf(files, ncf(count=1, limits={"epochs": 2}), CPU, store)) == 1
    longer = search_ncf(files, ncf(count=2, limits={"epochs": 2, "minutes": 5.0}), CPU, store)
    assert longer["epochs"].tolist() == [2, 2]


def test_a_search_in_two_runs_tries_what_it_would_have_tried_in_one(files, tmp_path):
    """One seed for each process would try the first trial's values again."""
    parts, whole = StudyStore(tmp_path / "parts.db"), StudyStore(tmp_path / "whole.db")
    for count in (1, 2, 3):
        table = search_ncf(files, ncf(count), CPU, parts)
    assert table["training.learning_rate"].nunique() == 3
    expected = search_ncf(files, ncf(), CPU, whole)
    pd.testing.assert_frame_equal(table.drop(columns="seconds"), expected.drop(columns="seconds"))


def test_other_fixed_parameters_are_another_search(files, store):
    search_ncf(files, ncf(count=1), CPU, store)
    table = search_ncf(files, ncf(count=1, batch_size=32), CPU, store)
    assert table["trial"].tolist() == [0]


def test_a_trial_that_diverges_fails_and_the_search_goes_on(files, store, monkeypatch):
    own, count = recommender_class("ncf").calculate_loss, iter(range(10**6))

    def loss(self, interaction):
        value = own(self, interaction)
        return value * float("nan") if next(count) == 0 else value

    monkeypatch.setattr(recommender_class("ncf"), "calculate_loss", loss)
    table = search_ncf(files, ncf(count=2), CPU, store)
    assert table["trial"].tolist() == [1, 2]
    assert (table["state"] == "complete").all()


def test_a_search_without_a_finished_trial_says_so(files, store, monkeypatch):
    monkeypatch.setattr("optuna.study.Study.optimize", lambda *_, **__: None)
    with pytest.raises(ProjectError, match="no trial of ncf came to its end"):
        search_ncf(files, ncf(), CPU, store)


@pytest.mark.parametrize(
    ("space", "complaint"),
    [
        ({"model": {"hiden_size": {"choices": [1, 2]}}}, "hiden_size is no parameter of model"),
        ({"training": {"learning_rate": {"low": 2.0, "high": 1.0}}}, "low < high"),
        ({"training": {"learning_rate": {"low": 0.0, "high": 1.0, "log": True}}}, "low > 0"),
        ({"runtime": {"workers": {"choices": [1, 2]}}}, "runtime"),
    ],
)
def test_a_space_that_cannot_be_searched_is_refused(space, complaint):
    with pytest.raises(ValidationError, match=complaint):
        ncf(space=space)
