"""What set-up would install: which torch by machine, and where uv is told to look."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import set_up

from tests.conftest import ROOT

CPU = "torch==2.13.0+cpu"


class FakeInstaller(set_up.Installer):
    """Finds the builds it is told of, by the options that lead to them."""

    builds = {}  # noqa: RUF012

    def resolve(self, *arguments):
        return self.builds.get(arguments)


@pytest.fixture
def machine(monkeypatch):
    """A machine without torch: `machine(gpu=True)` has a GPU."""

    def make(*, gpu=False, system="Linux", installed=None):
        monkeypatch.delenv("UV_TORCH_BACKEND", raising=False)
        monkeypatch.setattr(set_up, "has_gpu", lambda: gpu)
        monkeypatch.setattr(set_up, "installed_torch", lambda _: installed)
        monkeypatch.setattr(set_up.platform, "system", lambda: system)

    return make


def choose(builds, asked=""):
    installer = FakeInstaller("python")
    installer.__class__.builds = builds
    return set_up.choose_torch(asked, installer)


BOTH = {
    ("--torch-backend", "cpu", set_up.TORCH): CPU,
    ("--torch-backend", "auto", set_up.TORCH): "torch==2.13.0+cu128",
}


@pytest.mark.parametrize(
    ("gpu", "build", "why"),
    [
        (False, CPU, "no NVIDIA GPU: the CPU build"),
        (True, "torch==2.13.0+cu128", "the build that fits the NVIDIA driver"),
    ],
)
def test_the_gpu_decides_which_build(machine, gpu, build, why):
    machine(gpu=gpu)
    chosen = choose(BOTH)
    assert (chosen.build, chosen.why) == (build, why)
    assert chosen.options == ("--torch-backend", "auto" if gpu else "cpu")
    assert chosen.requirement == set_up.TORCH


@pytest.mark.parametrize("gpu", [False, True])
def test_the_usual_index_serves_where_that_of_torch_cannot_be_reached(machine, gpu):
    machine(gpu=gpu)
    chosen = choose({(set_up.TORCH,): CPU})
    assert (chosen.build, chosen.options) == (CPU, ())
    assert "the usual index" in chosen.why


def test_torch_of_the_image_is_kept(machine):
    machine(gpu=True, installed="torch==2.8.0+cu128")
    chosen = choose(BOTH)
    assert (chosen.build, chosen.installed) == ("torch==2.8.0+cu128", True)
    assert chosen.why == "installed already, and kept"


def test_what_is_asked_for_decides(machine):
    machine(gpu=True, installed="torch==2.8.0")
    chosen = choose(BOTH, asked="torch==2.9.1")
    assert (chosen.requirement, chosen.why) == ("torch==2.9.1", "as TORCH says")
    assert not chosen.installed


def test_a_mac_has_one_build_and_no_index_is_asked_for_it(machine):
    machine(system="Darwin")
    assert choose({}).requirement == set_up.TORCH
    assert choose(BOTH).options == ()


def test_a_build_can_be_named(machine, monkeypatch):
    machine()
    monkeypatch.setenv("UV_TORCH_BACKEND", "cu126")
    builds = {("--torch-backend", "cu126", set_up.TORCH): "torch==2.13.0+cu126"}
    assert choose(builds).build == "torch==2.13.0+cu126"


@pytest.mark.parametrize(
    ("printed", "kept"),
    [
        ("2.6.0+debian", "torch==2.6.0+debian"),
        ("2.13.0", "torch==2.13.0"),
        ("2.5.1", None),
        ("2.14.1", None),
        ("", None),
    ],
)
def test_only_a_torch_that_the_project_runs_on_is_kept(tmp_path, printed, kept):
    python = tmp_path / "python"
    python.write_text(f"#!/bin/sh\necho {printed}\n")
    python.chmod(0o755)
    assert set_up.installed_torch(str(python)) == kept


def test_nobody_brings_another_torch_where_one_is_installed(monkeypatch):
    monkeypatch.delenv("UV_OVERRIDE", raising=False)
    uv = set_up.Uv("python", "uv", ())
    kept = set_up.Torch("torch==2.8.0", "torch==2.8.0", "", installed=True)
    with uv.keeping(kept) as requirements:
        assert requirements == []
        overrides = Path(os.environ["UV_OVERRIDE"]).read_text()
        assert overrides == "torch; sys_platform == 'never'\n"
    assert "UV_OVERRIDE" not in os.environ
    with set_up.Installer("python").keeping(kept) as requirements:
        assert requirements == ["torch==2.8.0"]


def test_uv_looks_where_pip_is_configured_to(tmp_path, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    python = tmp_path / "python"
    python.write_text(
        "#!/bin/sh\ncat <<'E'\n"
        "global.index-url='https://user@mirror.example/simple'\n"
        "global.timeout='60'\n"
        "global.trusted-host='mirror.example'\n"
        ":env:.extra-index-url='https://a.example/x https://b.example/y'\n"
        f"install.find-links='{tmp_path} /no/such/folder'\n"
        "global.cert='/certificates.crt'\nE\n"
    )
    python.chmod(0o755)
    assert set_up.pip_settings(str(python)) == (
        "--default-index", "https://user@mirror.example/simple",
        "--index", "https://a.example/x",
        "--index", "https://b.example/y",
        "--find-links", str(tmp_path),
        "--allow-insecure-host", "mirror.example",
        "--index-strategy", "unsafe-best-match",
    )  # fmt: skip
    assert os.environ.pop("SSL_CERT_FILE") == "/certificates.crt"


@pytest.mark.parametrize(
    ("system", "processor", "installs"),
    [
        ("Linux", "x86_64", True),
        ("Linux", "aarch64", True),
        ("Linux", "riscv64", False),
        ("Darwin", "arm64", False),
        ("Darwin", "x86_64", False),
    ],
)
def test_triton_is_installed_for_tests_only_where_it_has_wheels(
    monkeypatch, system, processor, installs
):
    monkeypatch.setattr(set_up.platform, "system", lambda: system)
    monkeypatch.setattr(set_up.platform, "machine", lambda: processor)
    asked = []
    monkeypatch.setattr(set_up.Installer, "install", lambda _, *what: asked.extend(what))
    monkeypatch.setattr(set_up, "has", lambda *_: False)
    monkeypatch.setenv("INSTALLER", "pip")
    set_up.main(["--python", sys.executable, "--torch", set_up.TORCH, "--tests"])
    assert ".[dev,docs,spark]" in asked
    assert (set_up.TRITON in asked) is installs
    asked.clear()
    set_up.main(["--python", sys.executable, "--torch", set_up.TORCH, "--extras", "dev"])
    assert ".[dev]" in asked
    assert set_up.TRITON not in asked


def test_pip_does_it_where_uv_is_not_wanted_or_not_to_be_had(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    python = tmp_path / "python"
    python.write_text("#!/bin/sh\nexit 1\n")
    python.chmod(0o755)
    assert type(set_up.find_installer(str(python))) is set_up.Installer
    uv = tmp_path / "uv"
    uv.write_text("#!/bin/sh\n")
    uv.chmod(0o755)
    assert set_up.find_installer(str(python)).program == str(uv)
    monkeypatch.setenv("INSTALLER", "pip")
    assert type(set_up.find_installer(str(python))) is set_up.Installer


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run set-up with a uv that fails, and notes what it was asked for."""
    uv = tmp_path / "uv"
    uv.write_text('#!/bin/sh\necho "asked: $*"; cat "$UV_OVERRIDE"; exit 2\n')
    uv.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    monkeypatch.setenv("UV_OVERRIDE", "/dev/null")
    command = [sys.executable, "-I", ROOT / "set_up.py", "--python", sys.executable]

    def run(**environment):
        done = subprocess.run(
            command, capture_output=True, text=True, env={**os.environ, **environment}
        )
        assert done.returncode == 1
        assert done.stderr == (
            "set-up stopped, see above: uv has failed; INSTALLER=pip does without it\n"
        )
        return done.stdout.splitlines()

    return run


def test_one_line_says_which_torch_and_why(run):
    line, asked = run(TORCH="torch==2.9.1")
    assert line == "torch: torch==2.9.1 (as TORCH says); installing with uv"
    assert asked.endswith(f" -c {ROOT / 'constraints.txt'} torch==2.9.1 -e .")


def test_torch_of_the_image_is_not_installed_beside_it(run, tmp_path):
    image = tmp_path / "image/torch-2.8.0+cu128.dist-info"
    image.mkdir(parents=True)
    (image / "METADATA").write_text("Name: torch\nVersion: 2.8.0+cu128\n")
    line, asked, override = run(PYTHONPATH=str(image.parent), TORCH="")
    assert line == "torch: torch==2.8.0+cu128 (installed already, and kept); installing with uv"
    assert asked.endswith(f" -c {ROOT / 'constraints.txt'} -e .")
    assert override == "torch; sys_platform == 'never'"
