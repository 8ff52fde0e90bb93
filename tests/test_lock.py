"""constraints.txt installs on every Python and system that the project says it runs on."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import set_up
import yaml

from seqrec.checks.wheel_tags import PYTHON
from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
PYTHONS = ["3.11", "3.12", "3.13", "3.14"]
SYSTEMS = ["x86_64-manylinux_2_28", "aarch64-manylinux_2_28", "aarch64-apple-darwin"]
PURE = ["antlr4-python3-runtime", "pyspark", "s5-pytorch"]
"""Packages without a wheel, of Python alone: no compiler is needed."""
FREE = r"torch|triton|nvidia-.*|cuda-.*|setuptools|pip|appnope|async-timeout"
"""Not in the lock file: what comes with torch, installers, what only Macs or 3.11.2 need."""


def resolve(python, system, constraints):
    """What uv would install for users, developers and Spark; an error names the culprit."""
    uv = Path(sys.executable).with_name("uv")
    pure = [part for name in PURE for part in ("--no-binary", name)]
    # The official kernels are compiled, or taken from their own releases.
    extras = [part for name in EXTRAS if name != "gpu" for part in ("--extra", name)]
    command = [
        uv, "pip", "compile", "pyproject.toml", "-", *extras, "--constraints", constraints,
        "--python-version", python, "--python-platform", system, "--only-binary", ":all:", *pure,
        "--no-header", "--no-annotate", "--quiet",
    ]  # fmt: skip
    # torch has wheels for macOS 14 and newer.
    newest = {"UV_PYTHON_DOWNLOADS": "never", "MACOSX_DEPLOYMENT_TARGET": "14.0"}
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **newest}, input=set_up.TORCH,
        capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.parametrize("system", SYSTEMS)
@pytest.mark.parametrize("python", PYTHONS)
def test_the_lock_file_resolves_to_wheels(python, system):
    done = resolve(python, system, "constraints.txt")
    assert done.returncode == 0, done.stderr
    pinned = set(done.stdout.split())
    assert {set_up.TORCH, "kedro==1.7.0", "recbole==1.2.0"} <= pinned
    locked = names((ROOT / "constraints.txt").read_text(encoding="utf-8"))
    assert {n for n in names(done.stdout) - locked if not re.fullmatch(FREE, n)} == set()


@pytest.mark.slow
@pytest.mark.network
def test_a_package_without_a_wheel_would_be_found(tmp_path):
    constraints = tmp_path / "constraints.txt"
    # The last numba before Python 3.14.
    constraints.write_text("numba==0.62.1\n")
    done = resolve("3.14", SYSTEMS[0], constraints)
    assert done.returncode == 1
    assert "numba" in done.stderr


def names(requirements):
    """Names of pinned packages, spelled as the index spells them."""
    found = re.findall(r"^([\w.-]+)==", requirements, re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in found}


def test_every_package_has_one_version():
    text = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    assert len(lines) == len(names(text))


def test_every_place_names_the_same_pythons():
    classifiers = re.findall(r"Python :: (3\.\d+)", " ".join(PROJECT["classifiers"]))
    workflow = yaml.safe_load((ROOT / ".github/workflows/test.yml").read_text(encoding="utf-8"))
    matrix = workflow["jobs"]["test"]["strategy"]["matrix"]
    assert PROJECT["requires-python"] == ">=3.11,<3.15"
    assert classifiers == matrix["python"] == PYTHONS
    assert {system.split("-")[0] for system in matrix["system"]} == {"ubuntu", "macos"}
    for name in ("Makefile", "runpod_entrypoint.sh"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "not (3, 11) <= sys.version_info < (3, 15)" in text, name
        assert {f"python{python}" for python in PYTHONS} <= set(re.findall(r"python3\.\d+", text))
        assert "Python 3.11 to 3.14 is needed" in text, name
    assert {f"{major}.{minor}" for major, minor in PYTHON} >= set(PYTHONS[:3])
