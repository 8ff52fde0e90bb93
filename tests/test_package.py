"""The package: what a wheel holds, and a project made from it in an empty folder."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import set_up
from click.testing import CliRunner
from kedro.framework.startup import bootstrap_project

import seqrec
from seqrec import new_project
from seqrec.checks.selection import check_configuration
from seqrec.command import main
from tests.cli import QUIET, kedro
from tests.conftest import ROOT

CONF = sorted(
    path.relative_to(ROOT / "conf")
    for path in (ROOT / "conf").rglob("*.yml")
    if "local" not in path.parts and not path.name.startswith("credentials")
)


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    """The one line of a command that was refused."""
    done = invoke(*arguments)
    assert done.exit_code == 1
    (line,) = done.output.splitlines()
    return line


def files_below(folder):
    return sorted(path.relative_to(folder) for path in folder.rglob("*") if path.is_file())


class TestInit:
    def test_it_writes_a_project_that_kedro_knows(self, tmp_path, monkeypatch):
        folder = tmp_path / 'a "new" project'
        done = invoke("init", folder)
        assert done.exit_code == 0, done.output
        assert "&& kedro run" in done.output.splitlines()[-1]
        metadata = bootstrap_project(folder)
        assert (metadata.package_name, metadata.project_name) == ("seqrec", folder.name)
        assert files_below(folder / "conf") == sorted([*CONF, Path("local/.gitkeep")])
        monkeypatch.chdir(folder)
        check_configuration("runpod")
        layers = files_below(folder / "data")
        assert layers == sorted(p.relative_to(ROOT / "data") for p in ROOT.glob("data/*/.gitkeep"))
        assert len(layers) > 5

    def test_what_it_writes_is_meant_for_git(self, tmp_path):
        invoke("init", tmp_path / "project")
        project = tmp_path / "project"
        (project / "conf/local/credentials.yml").touch()
        (project / "data/01_raw/log.csv").touch()
        git = ["git", "-C", str(project)]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "add", "--all"], check=True)
        kept = subprocess.run([*git, "ls-files"], capture_output=True, text=True).stdout.split()
        assert {"pyproject.toml", "README.md", ".telemetry", "constraints.txt"} <= set(kept)
        assert "data/01_raw/.gitkeep" in kept
        assert not {"conf/local/credentials.yml", "data/01_raw/log.csv"} & set(kept)

    def test_the_version_is_named_that_made_it(self, tmp_path):
        invoke("init", tmp_path / "project")
        requirements = (tmp_path / "project/requirements.txt").read_text()
        assert requirements == f"seqrec=={seqrec.__version__}\n"
        assert "$" not in (tmp_path / "project/README.md").read_text()
        assert invoke("--version").output == f"seqrec, version {seqrec.__version__}\n"

    def test_an_empty_folder_will_do_and_one_with_a_file_will_not(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        assert invoke("init", ".").output.splitlines()[-1] == "  kedro run"
        before = files_below(tmp_path)
        line = refused("init", ".")
        assert line == "Error: . is not empty: give a new folder, seqrec init my-project"
        assert files_below(tmp_path) == before

    def test_a_file_is_no_folder(self, tmp_path):
        (tmp_path / "file").touch()
        line = refused("init", tmp_path / "file")
        assert line.startswith(f"Error: {tmp_path}/file cannot be made into a project: ")
        assert "exists" in line

    @pytest.mark.parametrize("given", [False, True])
    def test_nothing_is_left_of_what_failed(self, tmp_path, monkeypatch, given):
        folder = tmp_path / "some" / "project"
        if given:
            folder.mkdir(parents=True)

        def full(*_args, **_options):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(new_project.shutil, "copy", full)
        line = refused("init", folder)
        assert line == f"Error: {folder} cannot be made into a project: No space left on device"
        assert folder.exists() is given
        assert files_below(tmp_path) == []
        assert given or not folder.parent.exists()

    def test_help_says_what_comes_next(self):
        text = invoke("--help").output
        assert "kedro run" in text
        assert "init" in text


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built in a copy of what git tracks and of nothing else."""
    source = tmp_path_factory.mktemp("source") / "seqrec"
    for name in ("conf", "src"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("*.egg-info"))
    for path in ROOT.iterdir():
        if path.is_file():
            shutil.copy(path, source)
    (source / "conf/local/credentials.yml").write_text("a: secret\n")
    stale = source / "build/lib/seqrec/gone.py"
    stale.parent.mkdir(parents=True)
    stale.touch()
    command = [sys.executable, "-c", BUILD]
    done = subprocess.run(command, cwd=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    return next((source / "dist").glob("*.whl"))


BUILD = "from setuptools.build_meta import build_wheel; build_wheel('dist')"
"""What `python -m build` does in an environment of its own, which takes a network."""


@pytest.fixture(scope="module")
def packed(wheel):
    return set(zipfile.ZipFile(wheel).namelist())


def test_the_wheel_holds_every_file_of_the_package(packed):
    listed = subprocess.run(
        ["git", "ls-files", "src/seqrec"], cwd=ROOT, capture_output=True, text=True
    )
    tracked = {path.removeprefix("src/") for path in listed.stdout.split()}
    assert "seqrec/pipelines/evaluation/report.html.j2" in tracked
    assert tracked <= packed


def test_the_wheel_holds_the_configuration_and_no_secret(packed):
    template = "seqrec/new_project/template"
    assert {f"{template}/conf/{path}" for path in CONF} <= packed
    assert f"{template}/constraints.txt" in packed
    assert not [name for name in packed if "local" in name or "credentials" in name]
    assert "seqrec/gone.py" not in packed


def test_the_wheel_names_its_licence_and_its_command(wheel, packed):
    read = zipfile.ZipFile(wheel).read
    info = f"seqrec-{seqrec.__version__}.dist-info"
    metadata = read(f"{info}/METADATA").decode()
    assert "License-Expression: Apache-2.0" in metadata
    assert f"{info}/licenses/LICENSE" in packed
    assert "seqrec = seqrec.command:main" in read(f"{info}/entry_points.txt").decode()


def test_the_same_version_is_told_everywhere():
    for name, pattern in {
        "CITATION.cff": r"^version: (\S+)$",
        "CHANGELOG.md": r"^## \[(\d\S*)\]",
    }.items():
        text = (ROOT / name).read_text(encoding="utf-8")
        assert re.search(pattern, text, re.MULTILINE)[1] == seqrec.__version__, name


def test_an_unpacked_wheel_makes_a_project_that_lists_its_pipelines(wheel, tmp_path):
    """The package alone, without the checkout: what is installed is only its dependencies."""
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    alone = {"PYTHONPATH": str(tmp_path / "site")}
    code = "import seqrec.command as c; print(c.__file__); c.main(['init', 'project'])"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env={**os.environ, **QUIET, **alone},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(str(tmp_path / "site"))
    project = tmp_path / "project"
    assert files_below(project / "conf") == sorted([*CONF, Path("local/.gitkeep")])
    listed = kedro(project, "registry", "list", **alone)
    assert listed.returncode == 0, listed.stdout
    assert "train_ss4rec" in listed.stdout


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A fresh environment with the wheel and what it requires."""
    folder = tmp_path_factory.mktemp("environment")
    subprocess.run([sys.executable, "-m", "venv", folder], check=True)
    python = str(folder / "bin/python")
    installer = set_up.find_installer(python)
    torch = set_up.choose_torch(os.environ.get("TORCH", ""), installer)
    installer.install(
        *torch.options, "-c", str(ROOT / "constraints.txt"), torch.requirement, str(wheel)
    )
    return folder / "bin"


def run(command, *arguments, cwd):
    done = subprocess.run(
        [command, *arguments], cwd=cwd, env={**os.environ, **QUIET, "PYTHONPATH": ""},
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-3000:]
    return re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)


def comparison(project):
    (path,) = (project / "data/08_reporting/ml-100k/comparison.csv").glob("*/comparison.csv")
    return path.read_text()


@pytest.mark.slow
@pytest.mark.network
def test_from_an_empty_folder_to_the_same_table_as_from_the_checkout(installed, project):
    run(installed / "seqrec", "init", "my-project", cwd=project.parent)
    mine = project.parent / "my-project"
    printed = run(installed / "kedro", "run", cwd=mine)
    assert "latest_report.html" in printed
    assert "SS4Rec is better than NCF" in printed
    code = "import seqrec; print(seqrec.__file__)"
    place = run(installed / "python", "-c", code, cwd=mine)
    assert Path(place.strip()).is_relative_to(installed.parent)
    assert kedro(project, "run").returncode == 0
    assert comparison(mine) == comparison(project)


@pytest.mark.slow
@pytest.mark.network
def test_kedro_packages_the_project(project, tmp_path):
    """`kedro package` writes a wheel and the configuration; both together run anywhere."""
    for name in ("setup.py", "MANIFEST.in", "README.md", "LICENSE", "constraints.txt"):
        shutil.copy(ROOT / name, project)
    (project / "conf/local/parameters.yml").write_text("resume: false\n")
    assert kedro(project, "package").returncode == 0
    dist = project / "dist"
    assert (dist / f"seqrec-{seqrec.__version__}-py3-none-any.whl").is_file()
    shutil.unpack_archive(dist / "conf-seqrec.tar.gz", tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere/conf/local/parameters.yml").exists()
    with zipfile.ZipFile(next(dist.glob("*.whl"))) as archive:
        archive.extractall(tmp_path / "site")
    done = subprocess.run(
        [sys.executable, "-m", "seqrec", "--pipelines", "data_processing"],
        cwd=tmp_path / "elsewhere", capture_output=True, text=True,
        env={**os.environ, **QUIET, "PYTHONPATH": str(tmp_path / "site")},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    assert list((tmp_path / "elsewhere/data").rglob("interactions.parquet"))
