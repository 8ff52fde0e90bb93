"""A whole run tells W&B and Discord, on success, on SIGTERM and on resume; nobody a secret."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import pytest
import wandb
from wandb.proto import wandb_internal_pb2

from seqrec.hooks import tracking
from seqrec.parameters import Tracking
from tests.cli import QUIET, kedro
from tests.conftest import shrink
from tests.servers import Webhook, serving

KEY, WEBHOOK_SECRET = "canary0key" * 4, "canary-webhook-secret"
OPTIONS = (
    "ncf.training.epochs={},ncf.training.negatives=1,ncf.training.batch_size=16384,"
    "runtime.eval_batch_size=1024,notifications.enabled=true,"
    "notifications.best_minutes=0.0001"
)


def records(path):
    """Read what W&B would be sent: a LevelDB log of blocks, whose entries have 7-byte headers."""
    data, place, whole = path.read_bytes(), 7, b""
    while place + 7 <= len(data):
        if 32768 - place % 32768 < 7:
            place += 32768 - place % 32768
        length, kind = struct.unpack("<4xHB", data[place : place + 7])
        whole += data[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # whole, or the last of several
            yield wandb_internal_pb2.Record.FromString(whole)
            whole = b""


def offline_runs(project):
    """Read the offline runs, oldest first: id, exit code, epochs told, artifact types."""
    for path in sorted((project / "data/08_reporting/wandb").glob("offline-run-*/*.wandb")):
        found = {"id": None, "exit": None, "epochs": [], "artifacts": {}, "config": set()}
        for record in records(path):
            kind = record.WhichOneof("record_type")
            if kind == "run":
                found["id"] = record.run.run_id
                found["config"] |= {x.key for x in record.run.config.update}
            elif kind == "exit":
                found["exit"] = record.exit.exit_code
            elif kind == "history":
                items = {
                    x.key or "/".join(x.nested_key): json.loads(x.value_json)
                    for x in record.history.item
                }
                found["epochs"] += [items["ncf/epoch"]] if "ncf/epoch" in items else []
                assert "ncf/gradient_norm" in items or "comparison" in items
            elif kind == "artifact" or (
                kind == "request" and record.request.WhichOneof("request_type") == "log_artifact"
            ):
                artifact = (
                    record.artifact if kind == "artifact" else record.request.log_artifact.artifact
                )
                found["artifacts"][artifact.type] = json.loads(artifact.metadata)
        yield found


def files_with(folder, secret):
    return [
        path for path in folder.rglob("*") if path.is_file() and secret in path.read_bytes()
    ]  # fmt: skip


@pytest.fixture
def environment():
    webhook = Webhook()
    with serving(webhook) as address:
        url = f"{address}/api/webhooks/1/{WEBHOOK_SECRET}"
        yield webhook, {"WANDB_API_KEY": KEY, "DISCORD_WEBHOOK_URL": url, "WANDB_MODE": "offline"}


def test_success_interruption_and_resume_are_told_once_each(project, environment):
    shrink(project)
    webhook, more = environment
    more["RUNPOD_API_KEY"] = "canary-runpod-key"
    pipelines = ["--pipelines", "data_processing,recbole_format,train_ncf"]
    long = [sys.executable, "-m", "kedro", "run", *pipelines, "--params", OPTIONS.format(500)]
    output = project / "output.txt"
    with output.open("w") as handle:
        running = subprocess.Popen(
            long, cwd=project, env={**os.environ, **QUIET, **more}, stdout=handle, stderr=handle
        )
        deadline = time.monotonic() + 120
        while "ncf epoch   1" not in re.sub(r"\s*\n\s*", " ", output.read_text()):
            assert time.monotonic() < deadline, output.read_text()
            time.sleep(0.2)
        running.send_signal(signal.SIGTERM)
        assert running.wait(60) == 75, output.read_text()
    (stopped,) = offline_runs(project)
    assert stopped["exit"] == 75
    assert stopped["epochs"][:2] == [0, 1]
    assert {"ncf", "ss4rec", "dataset", "provenance"} <= stopped["config"]
    assert "started on" in webhook.messages[0]
    assert "new best, valid NDCG@10 0." in webhook.messages[1]
    assert "stopped: ncf was interrupted by signal 15" in webhook.messages[-1]
    assert "the same command again" in webhook.messages[-1]
    assert "resume=true" not in webhook.messages[-1]

    told = len(stopped["epochs"])
    options = OPTIONS.format(told + 1)
    done = kedro(project, "run", "--pipelines", "train_ncf", "--params", options, **more)
    assert done.returncode == 0, done.stdout
    _, resumed = offline_runs(project)
    assert (resumed["id"], resumed["exit"]) == (stopped["id"], 0)
    assert resumed["epochs"][-1] == told
    assert resumed["artifacts"]["model"]["name"] == "ncf"
    versions = [p.name for p in (project / "data/05_model_input/ml-100k").glob("*/2*")]
    assert resumed["artifacts"]["model"]["data_version"] in versions
    assert "finished" in webhook.messages[-1]
    tracked = json.loads((project / "data/06_models/ml-100k/tracked_run.json").read_text())
    assert tracked["ncf"]["finished"]

    (project / "output-2.txt").write_text(done.stdout)
    for secret in (KEY, WEBHOOK_SECRET, "canary-runpod-key"):
        assert files_with(project, secret.encode()) == []
    assert wandb.run is None


def test_without_a_network_a_key_leads_to_an_offline_run(project, monkeypatch, caplog):
    monkeypatch.setattr(tracking, "NO_NETWORK_SECONDS", 3)
    monkeypatch.setenv("WANDB_API_KEY", KEY)
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("WANDB_MODE", "")
    for name in ("WANDB_DATA_DIR", "WANDB_CACHE_DIR", "WANDB_CONFIG_DIR"):
        monkeypatch.setenv(name, str(project))
    run = tracking.open_run(Tracking(), "online", "an-id", project / "reporting", {})
    run.finish()
    assert run.offline
    assert "this run is kept offline" in caplog.text
    assert KEY not in caplog.text


@pytest.mark.parametrize(
    ("mode", "key", "override", "expected"),
    [
        ("auto", None, None, "offline"),
        ("auto", KEY, None, "online"),
        ("auto", KEY, "disabled", "disabled"),
        ("auto", None, "", "offline"),
        ("disabled", KEY, None, "disabled"),
    ],
)
def test_the_mode_follows_the_environment(mode, key, override, expected, monkeypatch):
    for name, value in (("WANDB_API_KEY", key), ("WANDB_MODE", override)):
        monkeypatch.delenv(name, raising=False)
        if value is not None:
            monkeypatch.setenv(name, value)
    assert tracking.resolve_mode(Tracking(mode=mode)) == expected
