"""What `make setup` would install, by machine."""

import os
import subprocess

import pytest

from tests.conftest import ROOT


@pytest.mark.parametrize(
    ("machine", "installs"),
    [
        ("Linux x86_64", True),
        ("Linux aarch64", True),
        ("Linux riscv64", False),
        ("Darwin arm64", False),
        ("Darwin x86_64", False),
    ],
)
def test_triton_is_installed_only_where_it_has_wheels(tmp_path, machine, installs):
    uname = tmp_path / "uname"
    uname.write_text(f"#!/bin/sh\necho {machine}\n")
    uname.chmod(0o755)
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", "setup"], cwd=ROOT, text=True, check=True,
        capture_output=True, env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"},
    )  # fmt: skip
    assert ("triton==" in done.stdout) is installs
    assert "pip install" in done.stdout
