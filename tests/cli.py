"""Run the project's commands as a user does."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

QUIET = {"KEDRO_DISABLE_TELEMETRY": "1", "WANDB_MODE": "disabled", "COLUMNS": "200"}


def kedro(project: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """Run ``kedro …`` in the project; standard error is part of the output."""
    done = subprocess.run(
        [sys.executable, "-m", "kedro", *arguments],
        cwd=project,
        env={**os.environ, **QUIET, **more},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    done.stdout = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    return done


def has_begun(printed: str) -> bool:
    """Tell whether a run has passed its checks: it then says how many nodes it has."""
    return re.search(r"\bRun \S+: \S+, environment .+, \d+ nodes", printed) is not None


def browser() -> str:
    """Path of Chromium; skips the test where there is none, but never in CI."""
    path = shutil.which("chromium") or shutil.which("google-chrome")
    if path is None:
        reason = "chromium is not installed (make chromium)"
        pytest.fail(reason) if os.environ.get("CI") else pytest.skip(reason)
    return path


def chromium(*arguments: str, profile: Path) -> str:
    """Run headless Chromium without a network; return what it printed."""
    flags = [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
        "--disable-background-networking", "--disable-component-update", "--disable-sync",
        "--disable-dev-shm-usage", "--enable-logging=stderr", f"--user-data-dir={profile}",
    ]  # fmt: skip
    done = subprocess.run(
        [browser(), *flags, *arguments], capture_output=True, text=True, timeout=180, check=True
    )
    return done.stdout + "\n<!-- log -->\n" + done.stderr
