"""Make `tests/legacy/324c47b`: a small file of every kind that commit 324c47b writes.

The files are what its own commands write below `data/` from a made-up log. They were made with:

    git worktree add /tmp/324c47b 324c47b
    PYTHONPATH=/tmp/324c47b/src:/tmp/324c47b OMP_NUM_THREADS=1 python tests/legacy/make_324c47b.py

Everything of `seqrec` is imported inside functions: what is imported is the old commit's, and
may have moved since.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import yaml

COMMIT = "324c47b"
FILES = Path(__file__).parent / COMMIT
DATASET = "toy"
VERSION = "2026-01-01T00.00.00.000Z"
TRAINED = ("ss4rec", "ncf", "mamba4rec", "sasrec", "gru4rec", "bprmf")
PIPELINES = (
    "data_processing",
    "recbole_format",
    "train_ss4rec",
    "train_ncf",
    "train_baselines",
    "search_ncf",
    "evaluation",
)

INTERRUPTED = {"ss4rec": 37, "ncf": 43}
"""The call of `calculate_loss` at which a signal comes, in the middle of an epoch.

SS4Rec's best epoch comes after it. NCF's comes before it, and NCF stops early later on.
"""
FINISHED = "sasrec"
"""The model whose checkpoint of a finished training is kept."""

LEFT_OUT = ("02_intermediate", "08_reporting")
"""Layers that no later command reads."""
REPORTS = ("comparison.csv", "leaderboard.csv", "provenance.json", "ncf/trials.csv")
"""What is kept of the last: the figures that later commits must come to, and what made them."""


@dataclass(frozen=True)
class Project:
    """A project's code with a configuration and data of its own.

    Attributes:
        root: The checkout whose code and catalog are used.
        folder: Holds `data`, `log.csv` and `parameters.yml`; gets a `conf`.
    """

    root: Path
    folder: Path

    def configure(self) -> None:
        """Copy the checkout's `conf`; blocks of `parameters.yml` replace its own as a whole."""
        ours = yaml.safe_load((self.folder / "parameters.yml").read_text())
        conf = self.folder / "conf"
        shutil.copytree(self.root / "conf", conf, ignore=shutil.ignore_patterns("credentials*"))
        for path in (*conf.glob("base/parameters*.yml"), *conf.glob("smoke/parameters*.yml")):
            blocks = yaml.safe_load(path.read_text())
            others = {name: block for name, block in blocks.items() if name not in ours}
            path.write_text(yaml.safe_dump(others))
        shutil.copy(self.folder / "parameters.yml", conf / "base" / "parameters_legacy.yml")

    def session(self, **parameters: Any) -> Any:
        """Open a session, as `kedro run --params …` does."""
        from kedro.framework.session import KedroSession
        from kedro.framework.startup import bootstrap_project

        bootstrap_project(self.root)
        own = {
            "dataset": DATASET,
            "data": str(self.folder / "data"),
            "source": {"path": str(self.folder / "log.csv")},
        }
        return KedroSession.create(
            project_path=self.root,
            env="smoke",
            conf_source=str(self.folder / "conf"),
            runtime_params={**own, **parameters},
        )

    def run(self, *pipelines: str, namespaces: tuple[str, ...] = (), **parameters: Any) -> None:
        """Do what `kedro run --pipelines … --namespaces … --params …` does."""
        with self.session(**parameters) as session:
            session.run(pipeline_names=list(pipelines), namespaces=namespaces or None)


def main() -> None:
    """Make the files anew."""
    import seqrec

    root = Path(seqrec.__file__).parents[2]
    check_commit(root)
    with tempfile.TemporaryDirectory() as scratch:
        project = Project(root, Path(scratch))
        write_inputs(project.folder)
        project.configure()
        now = "kedro.framework.session.session.generate_timestamp"
        with mock.patch(now, return_value=VERSION):
            project.run(*PIPELINES)
            project.run("leaderboard")
        for name, call in INTERRUPTED.items():
            interrupt(project, name, call)
        check_resumed(project)
        keep(project.folder)


def check_commit(root: Path) -> None:
    """Refuse to make the files with another commit's code."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    if found != COMMIT:
        raise SystemExit(f"{root} is at {found}: put a clean checkout of {COMMIT} on PYTHONPATH")


def write_inputs(folder: Path) -> None:
    """Write the made-up log and the parameters, defaults included."""
    from tests.conftest import cyclic_ratings

    cyclic_ratings(users=30).to_csv(folder / "log.csv", index=False)
    text = yaml.safe_dump(parameters(), sort_keys=False)
    (folder / "parameters.yml").write_text(text)


def parameters() -> dict[str, Any]:
    """Return small models, with every option of a training that has a state of its own."""
    from seqrec.parameters import DataProcessing, Evaluation, Runtime

    blocks = {
        "data_processing": DataProcessing(user_core=5, item_core=1),
        "runtime": Runtime(show_progress=False),
        "evaluation": Evaluation(bootstrap_samples=100),
    }
    return {
        **{name: block.model_dump(mode="json") for name, block in blocks.items()},
        **{name: model_block(name) for name in TRAINED},
    }


def model_block(name: str) -> dict[str, Any]:
    """Return the parameters of a model's namespace."""
    from seqrec.parameters import Search
    from tests.conftest import MODEL_OF, training

    ncf = {"mf_size": 4, "mlp_size": 4, "mlp_hidden_sizes": (4,), "dropout": 0.2}
    bprmf = {"hidden_size": 8}
    sequence = {"hidden_size": 8, "dropout": 0.2}
    model = MODEL_OF[name](**{"ncf": ncf, "bprmf": bprmf}.get(name, sequence))
    hard = {
        "epochs": 8,
        "early_stopping": 2,
        "schedule": "cosine",
        "warmup_steps": 3,
        "ema_decay": 0.8,
        "accumulate": 2,
        "clip_grad_norm": 1.0,
        "weight_decay": 1e-4,
    }
    more = hard if name in INTERRUPTED else {"epochs": 3}
    block = {"model": model, "training": training(name, **more)}
    if name in ("ss4rec", "ncf"):
        block["search"] = Search.model_validate({"trials": 2, "seed": 1, "space": SPACE})
    return {part: values.model_dump(mode="json") for part, values in block.items()}


SPACE = {
    "model": {"dropout": {"low": 0.0, "high": 0.5}},
    "training": {"learning_rate": {"low": 1e-3, "high": 1e-1, "log": True}},
}


def interrupt(project: Project, name: str, call: int) -> None:
    """Train anew until a signal comes in the middle of an epoch: a checkpoint is left."""
    from seqrec.errors import RunInterruptedError
    from seqrec.recbole_bridge.recommenders import RECOMMENDERS

    calculate_loss = signalling(RECOMMENDERS[name].calculate_loss, call)
    with mock.patch.object(RECOMMENDERS[name], "calculate_loss", calculate_loss):
        try:
            project.run(f"train_{name}")
        except RunInterruptedError:
            return
    raise SystemExit(f"{name} ended before its loss was computed {call} times")


def signalling(calculate_loss: Callable[..., Any], call: int) -> Callable[..., Any]:
    """Wrap a model's loss so that one call sends this process SIGTERM first."""
    count = iter(range(10**6))

    def wrapped(self: Any, interaction: Any) -> Any:
        if next(count) == call:
            os.kill(os.getpid(), signal.SIGTERM)
        return calculate_loss(self, interaction)

    return wrapped


def check_resumed(project: Project) -> None:
    """Make sure that a resumed training comes to what is kept: the uninterrupted one's weights."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Project(project.root, Path(scratch) / "copy")
        shutil.copytree(project.folder, copy.folder)
        copy.run(*(f"train_{name}" for name in INTERRUPTED), resume=True)
        for name in INTERRUPTED:
            folder = copy.folder / "data" / "06_models" / DATASET / name / "weights"
            first, second = sorted(folder.glob("*/weights/model.safetensors"))
            if first.read_bytes() != second.read_bytes():
                raise SystemExit(f"{name} does not end alike when it is resumed")


def keep(folder: Path) -> None:
    """Put the files in place of those of before, without what no later command reads."""
    shutil.rmtree(FILES, ignore_errors=True)
    shutil.copytree(folder, FILES, ignore=shutil.ignore_patterns("conf", *LEFT_OUT))
    for name in REPORTS:
        report = f"data/08_reporting/{DATASET}/{name}"
        shutil.copytree(folder / report, FILES / report)
    models = FILES / "data" / "06_models" / DATASET
    for name in TRAINED:
        kept = 1 if name in (*INTERRUPTED, FINISHED) else 0
        for checkpoint in sorted(models.glob(f"{name}/checkpoints/*"), reverse=True)[kept:]:
            shutil.rmtree(checkpoint)
    shrink(models / "ncf" / "study.db")


def shrink(database: Path) -> None:
    """Write the same tables with smaller pages: most of Optuna's are almost empty."""
    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA page_size = 1024")
        connection.execute("VACUUM")


if __name__ == "__main__":
    main()
