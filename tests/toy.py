"""A project on tiny data, in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from seqrec.errors import own_error
from seqrec.tables import columns as c
from tests.cli import QUIET
from tests.conftest import ROOT
from tests.legacy.make_324c47b import DATASET, Project, parameters

DATA = ("data_processing", "recbole_format")
ALL = ("__default__",)


def log_with_ties():
    """Thirty users, of whom many end on a second with several events; ratings are 1 to 5."""
    random = np.random.default_rng(3)
    rows = [
        (user, item, 5, 1_000_000 + 50 * user + 60 * (place // 3))
        for user in range(1, 31)
        for place, item in enumerate(random.permutation(24)[: random.integers(9, 15)])
    ]
    return pd.DataFrame(rows, columns=[c.USER, c.ITEM, c.RATING, c.TIMESTAMP])


def configure(folder, log):
    """Make a project of a log, whose trainings have two epochs."""
    folder.mkdir()
    log.to_csv(folder / "log.csv", index=False)
    blocks = parameters()
    for name in ("ss4rec", "ncf"):
        blocks[name]["training"] |= {"epochs": 2, "early_stopping": 2, "accumulate": 1}
    blocks["evaluation"]["bootstrap_samples"] = 20
    (folder / "parameters.yml").write_text(yaml.safe_dump(blocks))
    project = Project(ROOT, folder)
    project.configure()
    return project


class Folder:
    """A copy of a project, and what its runs have made."""

    def __init__(self, begun, target):
        shutil.copytree(begun.folder, target)
        self.project = Project(ROOT, target)

    def type(self, pipelines, parameters):
        """Run a command; return the one line that it is refused with, or None."""
        try:
            self.project.run(*pipelines, **parameters)
        except Exception as error:
            own = own_error(error)
            if own is None:
                raise
            assert "\n" not in str(own)
            return str(own)
        return None

    def newest(self, name):
        """Read the newest version of a table below 08_reporting."""
        folder = self.project.folder / "data/08_reporting" / DATASET / name
        version = max(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)
        return pd.read_csv(version / name)

    def report(self, pipelines, parameters):
        """Run a command and return the report it writes, without its scripts."""
        assert self.type(pipelines, parameters) is None
        path = self.project.folder / f"data/08_reporting/{DATASET}/latest_report.html"
        return path.read_text(encoding="utf-8").split("<script>")[0]

    def report_of_lists(self, pipelines, parameters):
        """Return the report's table of lists; None if it has none."""
        _, heading, rest = self.report(pipelines, parameters).partition("What the lists are like")
        return rest.split("</table>")[0] if heading else None

    def facts(self, name, **parameters):
        with self.project.session(**parameters) as session:
            return session.load_context().catalog.get(name).facts()


def start(folder, pipelines, options="", **more):
    """Start ``kedro run`` as a process of its own, with its output in a file.

    Args:
        folder: Of the project.
        pipelines: What to run.
        options: As after ``--params``.
        **more: Of the environment.
    """
    given = f"dataset={DATASET},data={folder / 'data'},source.path={folder / 'log.csv'}"
    command = ["run", "--env", "smoke", "--conf-source", str(folder / "conf")]
    command += ["--pipelines", ",".join(pipelines), "--params", f"{given},{options}".rstrip(",")]
    output = (folder / f"output-{len(list(folder.glob('output-*')))}.txt").open("w+")
    running = subprocess.Popen(
        [sys.executable, "-m", "kedro", *command], cwd=ROOT, stdout=output,
        stderr=subprocess.STDOUT, env={**os.environ, **QUIET, "COLUMNS": "400", **more},
    )  # fmt: skip
    running.output = Path(output.name)
    output.close()
    return running
