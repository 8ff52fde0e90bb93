"""Commands of the README and the site: each says how it is tested, and is tested so."""

import re

import click
import pandas as pd
import pytest
from kedro.framework.startup import bootstrap_project

from seqrec.checks.parameters import check_parameters
from seqrec.checks.selection import (
    check_configuration,
    check_pipelines,
    check_runner,
    check_selection,
)
from seqrec.cli import cli
from seqrec.config_loader import PersonalConfigLoader
from seqrec.errors import ProjectError
from seqrec.settings import CONFIG_LOADER_ARGS
from tests.conftest import ROOT
from tests.docs.pages import ALL_BLOCKS, COMMAND, PAGES, inline_commands, kedro_arguments
from tests.toy import ALL, Folder, configure, log_with_ties

HERE = "tests/docs/test_commands.py"
MARK = re.compile(r"run by (tests/\S+\.py)|checked, not run(: .+)?|not run: .+")
BASH = [block for block in ALL_BLOCKS if block.language == "bash"]
RUN_HERE = [block for block in BASH if block.mark == f"run by {HERE}"]
KEDRO = sorted(
    {
        command
        for block in BASH
        for command in block.commands()
        if not block.mark.startswith("not run")
    }
    | {command for page in PAGES for command in inline_commands(page)}
)
OF_OURS = {"run", "preflight", "prune", "project", "experiments", "serve"}
"""Commands of this project; the others are Kedro's or its plugins'."""


@pytest.mark.parametrize("block", BASH, ids=str)
def test_a_block_of_commands_says_how_it_is_tested(block):
    assert MARK.fullmatch(block.mark), f"{block} has the title {block.mark!r}"


@pytest.mark.parametrize("block", [b for b in ALL_BLOCKS if b not in BASH], ids=str)
def test_no_other_block_holds_commands(block):
    if block.language in ("", "sh", "shell", "console"):
        assert not [line for line in block.text.splitlines() if COMMAND.match(line)]


@pytest.mark.parametrize("block", [b for b in BASH if b.mark.startswith("run by")], ids=str)
def test_a_test_that_is_named_knows_the_commands(block):
    path = ROOT / MARK.fullmatch(block.mark)[1]
    assert path.is_file()
    if path != ROOT / HERE:
        known = path.read_text(encoding="utf-8")
        assert all(f"`{command}`" in known for command in block.commands())


def options_of(arguments):
    """Read a command line as the command does; return its name and options."""
    group, name, rest = cli, arguments[0], arguments[1:]
    while isinstance(group.commands[name], click.Group):
        group, name, rest = group.commands[name], rest[0], rest[1:]
    return name, group.commands[name].make_context(name, list(rest)).params


def check(command):
    """Check what a run checks before it starts, as far as no file of a user's is needed."""
    # The model that a page adds is not there: others stand in for it.
    here = command.replace("_markov", "_ss4rec").replace("markov", "gru4rec")
    arguments = kedro_arguments(here)
    if arguments is None or arguments[0] not in OF_OURS or "--help" in arguments:
        return
    name, options = options_of(arguments)
    check_configuration(options.get("env"), str(ROOT / "conf"))
    if name == "run":
        wanted = [options["pipeline"]] if options["pipeline"] else options["pipelines"]
        check_runner(options["runner"], options["runner_params"])
        check_pipelines(wanted)
        check_selection(wanted, options)
    named = {"experiment": options["experiment"]} if options.get("experiment") else {}
    loader = PersonalConfigLoader(
        str(ROOT / "conf"),
        env=options.get("env") or "smoke",
        base_env="base",
        runtime_params={**(options.get("params") or {}), **named},
        **{key: value for key, value in CONFIG_LOADER_ARGS.items() if "env" not in key},
    )
    check_parameters(loader["parameters"], options.get("env"))


@pytest.fixture(scope="module")
def registered():
    bootstrap_project(ROOT)


@pytest.mark.parametrize("command", KEDRO)
def test_what_a_command_names_is_there(registered, command):
    check(command)


@pytest.mark.parametrize(
    ("command", "wrong"),
    [
        ("kedro run --pipelines train_ss5rec", "train_ss5rec"),
        ("kedro run --env podrun", "podrun"),
        ("kedro run --experiment ml-1m-labtop", "ml-1m-labtop"),
        ("kedro run --params ss4rec.training.epoch=3", "epoch"),
        ("kedro run --pipelines train_baselines --namespaces sasreck", "sasreck"),
        ("torchrun --nproc-per-node 2 -m kedro run --params dataset=[1]", "dataset"),
    ],
)
def test_a_command_that_names_what_is_not_there_is_found(registered, command, wrong):
    with pytest.raises((ProjectError, click.ClickException), match=wrong):
        check(command)


def test_the_pages_have_commands_to_check():
    assert len([command for command in KEDRO if kedro_arguments(command)]) > 30
    assert len(RUN_HERE) >= 6


def shop_log(folder):
    """Write the log that the guides read: a customer, a thing, a time."""
    log = log_with_ties()
    at = pd.to_datetime(log["timestamp"] + 1_700_000_000, unit="s")
    rows = {"customer": "c" + log["user_id"].astype(str), "sku": log["item_id"]}
    pd.DataFrame({**rows, "at": at.dt.strftime("%Y-%m-%dT%H:%M:%SZ")}).to_csv(
        folder / "log.csv", index=False
    )
    things = pd.DataFrame({"sku": range(24), "title": "A thing"})
    things["id"], things["name"] = things["sku"], things["title"]
    things.to_csv(folder / "things.csv", index=False)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A folder with tiny data in which `kedro run` has been typed."""
    target = tmp_path_factory.mktemp("docs") / "begun"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("WANDB_MODE", "disabled")
        patch.chdir(target.parent)
        folder = Folder(configure(target, log_with_ties()), target.with_name("project"))
        assert folder.type(ALL, {}) is None
    return folder


def at_home(source, folder):
    """Read a source's files from a folder: a session's project is the repository."""
    own = {
        key: at_home(value, folder) if isinstance(value, dict) else value
        for key, value in source.items()
    }
    return {**own, "path": str(folder / own["path"])} if "path" in own else own


SLOW = {
    "docs/concepts/ties-and-query-time.md",
    "docs/guides/ensemble.md",
    "docs/guides/own-data.md",
}
"""Pages whose commands take longer; docs/start.md has some of the same kind."""
TYPED = [
    pytest.param(page, marks=[pytest.mark.slow] if page in SLOW else [])
    for page in sorted({block.page for block in RUN_HERE})
]


@pytest.mark.parametrize("page", TYPED)
def test_a_pages_commands_run_one_after_another_on_tiny_data(begun, page, tmp_path, monkeypatch):
    monkeypatch.setenv("WANDB_MODE", "disabled")
    monkeypatch.chdir(tmp_path)
    folder = Folder(begun.project, tmp_path / "project")
    shop_log(tmp_path)
    lines = [line for block in RUN_HERE if block.page == page for line in block.commands()]
    typed = [line for line in lines if kedro_arguments(line)]
    assert typed
    for command in typed:
        _, options = options_of(kedro_arguments(command))
        parameters = dict(options["params"])
        if "source" in parameters:
            parameters["source"] = at_home(parameters["source"], tmp_path)
        elif parameters.get("dataset") == "shop":
            parameters["source"] = None
        assert folder.type(options["pipelines"] or ALL, parameters) is None, command
