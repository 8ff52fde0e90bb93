"""conf/local is read in every environment, after it and before the command line."""

import shutil

import pytest

from seqrec.config_loader import PersonalConfigLoader
from seqrec.settings import CONFIG_LOADER_ARGS
from tests.conftest import ROOT


def loader(tmp_path, env, **runtime):
    if not (tmp_path / "conf").is_dir():
        shutil.copytree(ROOT / "conf", tmp_path / "conf", ignore=shutil.ignore_patterns("local"))
        (tmp_path / "conf/local").mkdir()
    return PersonalConfigLoader(
        tmp_path / "conf", env=env, runtime_params=runtime, **CONFIG_LOADER_ARGS
    )


@pytest.mark.parametrize("env", [None, "smoke", "base", "runpod", "spark"])
def test_personal_settings_count_in_every_environment(tmp_path, env):
    usual = loader(tmp_path, env)
    before = {key: usual[key] for key in ("globals", "parameters")}
    local = tmp_path / "conf/local"
    (local / "globals.yml").write_text("source:\n  path: mine.csv\n  user: customer\n")
    (local / "parameters.yml").write_text("ncf:\n  training:\n    epochs: 3\n")
    mine = loader(tmp_path, env)
    assert mine["globals"] == {
        **before["globals"],
        "source": {"path": "mine.csv", "user": "customer"},
    }
    assert mine["parameters"]["ncf"]["training"]["epochs"] == 3
    assert mine["parameters"]["ncf"]["model"] == before["parameters"]["ncf"]["model"]
    assert mine["catalog"]["ratings_raw"]["source"]["path"] == "mine.csv"


def test_the_command_line_comes_last(tmp_path):
    loader(tmp_path, None)
    (tmp_path / "conf/local/parameters.yml").write_text("ncf: {training: {epochs: 3, seed: 5}}\n")
    given = loader(tmp_path, None, ncf={"training": {"epochs": 7}})["parameters"]["ncf"]
    assert (given["training"]["epochs"], given["training"]["seed"]) == (7, 5)
