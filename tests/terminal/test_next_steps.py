"""What a run says to do next: commands that exist, and go on with what it was started with."""

import io
import sys

import pytest
import rich
from kedro.framework.project import configure_project, pipelines
from rich.console import Console

from seqrec.hooks import next_steps as hook
from seqrec.model_registry import MODELS
from seqrec.terminal.next_steps import AT_MOST, Chosen, Step, next_steps

EVERYTHING, NOTHING = (lambda _: True), (lambda _: False)


@pytest.fixture(scope="module")
def registered():
    configure_project("seqrec")
    return dict(pipelines)


def commands(made, is_kept=EVERYTHING, env=None, params=None):
    steps = next_steps(made, is_kept, "latest_report.html")
    return [Chosen(env, params or {}).command(step) for step in steps]


def test_after_every_pipeline_there_are_steps_and_what_they_name_exists(registered):
    for name, pipeline in registered.items():
        for is_kept in (EVERYTHING, NOTHING):
            steps = next_steps(pipeline.all_outputs(), is_kept, "latest_report.html")
            assert 1 <= len(steps) <= AT_MOST, name
            for step in steps:
                assert set(filter(None, step.pipelines.split(","))) <= set(registered), name
                assert bool(step.pipelines) != bool(step.text)


def test_a_default_run_leads_to_the_report_the_lineage_and_lists(registered):
    assert commands(registered["__default__"].all_outputs()) == [
        "latest_report.html",
        "kedro viz run",
        "kedro run --pipelines recommend_ss4rec",
    ]


@pytest.mark.parametrize("model", [name for name, spec in MODELS.items() if not spec.compared])
def test_a_model_that_no_report_compares_is_seen_on_the_leaderboard(registered, model):
    first = commands(registered[f"train_{model}"].all_outputs())[0]
    assert first == "kedro run --pipelines leaderboard"


def test_where_nothing_is_held_out_nothing_is_measured(registered):
    everything = {f"{name}.weights" for name in MODELS} | {"atomic_files", "interactions"}
    for made in ({"atomic_files"}, {"interactions"}, everything):
        steps = next_steps(made, EVERYTHING, "", held_out=False)
        named = {x for step in steps for x in step.pipelines.split(",") if x}
        assert named
        assert not named & {"evaluation", "leaderboard", "ensemble"}, made


def test_the_environment_is_named_where_its_commands_are_not_found(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "prefix", str(tmp_path / ".venv"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", "/usr/bin")
    heading = hook.lay_out([Step("train", "train_ncf")], Chosen(None, {})).plain.splitlines()[1]
    assert heading == "What to do next, after source .venv/bin/activate"
    monkeypatch.setenv("PATH", f"{tmp_path / '.venv' / 'bin'}:/usr/bin")
    heading = hook.lay_out([Step("train", "train_ncf")], Chosen(None, {})).plain.splitlines()[1]
    assert heading == "What to do next"


def test_one_of_the_compared_models_leads_to_the_other_and_to_the_report(registered):
    made = registered["train_ncf"].all_outputs()
    assert commands(made)[0] == "kedro run --pipelines evaluation"
    assert commands(made, NOTHING)[0] == "kedro run --pipelines train_ss4rec,evaluation"


def test_commands_go_on_with_what_the_run_was_started_with(registered):
    params = {
        "dataset": "my shop", "resume": False, "experiment": "ml-1m-paper-bpr",
        "ncf": {"training": {"clip_grad_norm": None}},
    }  # fmt: skip
    first = commands(registered["train_hstu"].all_outputs(), env="runpod", params=params)[0]
    assert first == (
        "kedro run --pipelines leaderboard --env runpod --experiment ml-1m-paper-bpr "
        "--params 'dataset=my shop,ncf.training.clip_grad_norm=null'"
    )


def test_where_there_is_no_room_an_ellipsis_stands_for_the_options():
    chosen = Chosen("base", {"dataset": "ml-1m"})
    step = Step("see it beside the others", "leaderboard")
    assert chosen.command(step, brief=True) == "kedro run --pipelines leaderboard …"
    assert Chosen(None, {}).command(step, brief=True) == "kedro run --pipelines leaderboard"


@pytest.mark.parametrize("width", [80, 140])
def test_every_step_fits_its_line(registered, width, monkeypatch):
    given = {"dataset": "ml-1m", "ss4rec_plus": {"training": {"seed": 2027}}}
    screen = Console(file=io.StringIO(), force_terminal=True, width=width)
    for module in (hook, rich):
        monkeypatch.setattr(module, "get_console", lambda: screen)
    for name, pipeline in registered.items():
        for chosen in (Chosen(None, {}), Chosen("runpod", {**given, "experiment": "ml-1m-plus"})):
            steps = next_steps(pipeline.all_outputs(), NOTHING, "data/08_reporting/x/latest.html")
            lines = hook.lay_out(steps, chosen).plain.splitlines()
            assert max(map(len, lines)) <= width, (name, lines)
