"""What `make run` does after the installation, for real; `make test` begins with it."""

import contextlib
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient

from seqrec.model_registry import MODELS, RANKERS
from tests.cli import browser, chromium, kedro
from tests.conftest import ROOT, copy_project


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A fresh copy of the project after ``kedro run``: its folder and what the run printed."""
    project = copy_project(tmp_path_factory.mktemp("smoke") / "project")
    before = {path.relative_to(project) for path in project.iterdir()}
    done = kedro(project, "run")
    assert done.returncode == 0, done.stdout[-3000:]
    after = {path.relative_to(project) for path in project.iterdir()}
    assert {path.name for path in after - before} <= {"data", ".viz"}
    return project, done.stdout


def newest(project, name):
    """Path of a file's newest version."""
    return max((project / "data").rglob(f"{name}/*/{name.rsplit('/')[-1]}"))


def headline(project, metric="NDCG@10"):
    table = pd.read_csv(newest(project, "comparison.csv"))
    chosen = table[(table["mask"] == "masked") & (table["query_time"] == "known")]
    return chosen[chosen["metric"] == metric].set_index("model")["mean"]


def test_ss4rec_is_above_ncf_and_popularity_by_the_tables_own_figures(finished):
    project, printed = finished
    ndcg = headline(project)
    assert ndcg["ss4rec"] > 1.5 * ndcg["ncf"]
    assert ndcg["ss4rec"] > 1.5 * ndcg["popularity"]
    for model in ndcg.index:
        assert f"{ndcg[model]:.4f}" in printed
    assert "SS4Rec is better than NCF (NeuMF) by" in printed


METRICS = ("HR@10", "NDCG@10", "MRR@10")
ROW = r"\| \**([\w (]+\)?)\** \| (masked|unmasked) \|((?: \**[\d.]+\** ±[\d.]+ \|){3})"
ONE_USER = 1 / 943
"""What a CPU that rounds otherwise may change, as docs/results/index.md says."""


def test_the_results_page_has_the_figures_that_a_run_comes_to(finished):
    project, _ = finished
    table = pd.read_csv(newest(project, "comparison.csv")).query("query_time == 'known'")
    come_to = table.set_index(["model", "mask", "metric"])[["mean", "low", "high"]]
    names = {spec.title: name for name, spec in {**MODELS, **RANKERS}.items()}
    rows = re.findall(ROW, (ROOT / "docs" / "results" / "index.md").read_text(encoding="utf-8"))
    assert len(rows) == 6
    for title, mask, cells in rows:
        for metric, cell in zip(METRICS, cells.split("|"), strict=False):
            mean, half = (float(part.strip(" *")) for part in cell.split("±"))
            found = come_to.loc[names[title], mask, metric]
            assert mean == pytest.approx(found["mean"], abs=ONE_USER), (title, mask, metric)
            width = (found["high"] - found["low"]) / 2
            assert half == pytest.approx(width, abs=0.001), (title, mask, metric)


def test_the_lines_of_python_in_the_readme_list_films(finished):
    project, _ = finished
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.search(r"```python\n(.*?)```", readme, re.DOTALL).group(1)
    command = [sys.executable, "-c", lines]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    listed = re.findall(r"^.*\((?:19\d\d)\).*$", done.stdout, re.MULTILINE)
    assert len(listed) == 5, done.stdout
    assert "Toy Story (1995)" not in done.stdout
    assert done.stderr == ""


def test_it_prints_a_line_per_epoch(finished):
    _, printed = finished
    assert re.search(r"ss4rec epoch +3: loss [\d.]+, valid NDCG@10", printed)


def test_it_ends_with_what_to_do_next(finished):
    project, printed = finished
    heading, report, lineage, lists = printed.strip().splitlines()[-4:]
    bin_folder = str(Path(sys.prefix) / "bin")
    found = bin_folder in os.get_exec_path()
    activate = "" if found else f", after source {bin_folder}/activate"
    assert heading == f"What to do next{activate}"
    path = re.fullmatch(r"  read the report +(\S+)", report)[1]
    assert (project / path).resolve() == newest(project, "report.html")
    assert lineage.endswith("kedro viz run")
    assert lists.endswith("kedro run --pipelines recommend_ss4rec")


def test_it_prints_a_line_per_node(finished):
    _, printed = finished
    numbers = re.findall(r"^\S+ \S+ INFO +(\d+)/(\d+) \S+ +[\d.]+ (?:s|min)", printed, re.M)
    assert [int(number) for number, _ in numbers] == list(range(1, int(numbers[0][1]) + 1))
    assert "Running node" not in printed


def test_it_fits_three_gigabytes(finished):
    kilobytes = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
    assert kilobytes < 3 * 1024**2


def test_no_value_is_nan_or_infinite(finished):
    project, _ = finished
    for path in (project / "data" / "06_models").rglob("history.csv"):
        if path.is_file():
            table = pd.read_csv(path)
            assert table.notna().all(axis=None)
            assert (table.abs() < 1e9).all(axis=None)


def test_artifacts_are_safetensors_json_csv_parquet_and_html(finished):
    project, _ = finished
    files = [path for path in (project / "data").rglob("*") if path.is_file()]
    endings = {path.suffix for path in files if path.name != "SHA256SUMS"} - {".lock"}
    known = {".safetensors", ".json", ".csv", ".parquet", ".html", ".inter", ".item", ".user"}
    assert endings <= known


def test_both_models_rank_the_same_items_among_the_same_candidates(finished):
    project, _ = finished
    keys = ["user_id", "item_id", "mask", "query_time", "n_candidates"]
    tables = [
        pd.read_parquet(newest(project, f"{model}/target_ranks.parquet"))[keys]
        .sort_values(keys)
        .reset_index(drop=True)
        for model in ("ss4rec", "ncf", "popularity")
    ]
    pd.testing.assert_frame_equal(tables[0], tables[1])
    pd.testing.assert_frame_equal(tables[0], tables[2])


def test_one_pipeline_can_be_run_again(finished):
    project, _ = finished
    before = newest(project, "report.html")
    assert kedro(project, "run", "--pipeline", "evaluation").returncode == 0
    assert newest(project, "report.html") > before
    assert before.is_file()


def test_the_report_opens_without_a_missing_asset_or_an_error(finished, tmp_path):
    project, _ = finished
    report = newest(project, "report.html")
    text = report.read_text(encoding="utf-8")
    assert not re.search(r'(?:src|href)="(?!data:|#)', text.split("<script>")[0])
    page = chromium(
        "--dump-dom", "--virtual-time-budget=8000", f"file://{report}", profile=tmp_path / "p"
    )
    body, log = page.split("<!-- log -->")
    assert "CONSOLE" not in log, log
    assert body.count('class="main-svg"') >= 3
    assert "SS4Rec is better than NCF" in body


def test_kedro_viz_shows_the_pipelines_and_a_browser_finds_the_nodes(finished, tmp_path):
    project, _ = finished
    browser()
    built = kedro(project, "viz", "build")
    assert built.returncode == 0, built.stdout[-2000:]
    api = json.loads((project / "build" / "api" / "main").read_text())
    assert {p["id"] for p in api["pipelines"]} >= {
        "data_processing", "recbole_format", "train_ss4rec", "train_ncf", "evaluation",
    }  # fmt: skip
    assert api["layers"] == [
        "raw", "intermediate", "primary", "model_input", "models", "model_output", "reporting",
    ]  # fmt: skip
    nodes = {node["name"] for node in api["nodes"]}
    assert nodes >= {"mark_held_out", "write_atomic_files", "compare_models", "render_report"}
    with served(project / "build") as address:
        page = chromium(
            "--dump-dom", "--virtual-time-budget=20000", "--window-size=1600,1200", address,
            profile=tmp_path / "p",
        )  # fmt: skip
    # Pipelines are folded up, so that the first view fits a screen.
    pipelines = ("data_processing", "recbole_format", "ss4rec", "ncf", "evaluation")
    for shown in (*pipelines, "atomic_files", "model_input"):
        assert f">{shown}<" in page, shown
    for folded in ("order_history", "compare_models"):
        assert f">{folded}<" not in page, folded


@contextlib.contextmanager
def served(folder):
    """Serve a folder on a free local port."""
    command = [sys.executable, "-u", "-m", "http.server", "0", "--bind", "127.0.0.1"]
    process = subprocess.Popen(
        command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        port = re.search(r"port (\d+)", process.stdout.readline()).group(1)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.kill()
        process.wait()


@pytest.mark.parametrize("name", ["exploration", "analysis"])
def test_the_notebooks_run_on_what_a_run_has_written(finished, name):
    project, _ = finished
    shutil.copytree(ROOT / "notebooks", project / "notebooks", dirs_exist_ok=True)
    path = project / "notebooks" / f"{name}.ipynb"
    book = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in book.cells)
    NotebookClient(book, timeout=120, resources={"metadata": {"path": path.parent}}).execute()
    drawn = [
        output
        for cell in book.cells
        for output in cell.get("outputs", [])
        if "application/vnd.plotly.v1+json" in output.get("data", {})
    ]
    assert len(drawn) >= 2


def test_baselines_leaderboard_and_lists_go_on_from_a_run(finished):
    project, _ = finished
    some = kedro(
        project, "run", "--pipelines", "train_baselines", "--namespaces",
        "item_knn,recent_popularity",
    )  # fmt: skip
    assert some.returncode == 0, some.stdout[-2000:]
    more = kedro(project, "run", "--pipelines", "leaderboard,recommend_ss4rec")
    assert more.returncode == 0, more.stdout[-2000:]
    table = pd.read_csv(newest(project, "leaderboard.csv"))
    expected = {"ss4rec", "ncf", "popularity", "item_knn", "recent_popularity"}
    assert set(table["model"]) == expected
    assert table["NDCG@10"].is_monotonic_decreasing
    assert "ss4rec is better than ncf by 0." in more.stdout
    lists = pd.read_parquet(newest(project, "recommendations.parquet"))
    assert lists.groupby(["user_id", "moment"]).size().eq(10).all()
    assert lists["moment"].nunique() == 3
    assert "last seen:" in more.stdout
