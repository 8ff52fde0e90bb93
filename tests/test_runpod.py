"""The entrypoint as a pod runs it: the real script, on a volume of its own, with fake machines."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import ROOT, copy_project, shrink
from tests.servers import Webhook, serving

SMALL = ["--smoke", "--model", "ncf"]
GPU = "NVIDIA RTX A6000, 570.1, 48000"


class Pod:
    """A folder with the project, a volume, and the programs that a pod has."""

    def __init__(self, folder):
        self.project = copy_project(folder / "the project")
        for name in ("runpod_entrypoint.sh", "constraints.txt", "set_up.py"):
            shutil.copy(ROOT / name, self.project)
        (self.project / "data").mkdir()
        shrink(self.project)
        self.volume = folder / "a volume"
        self.bin = folder / "bin"
        self.volume.mkdir()
        self.bin.mkdir()
        self.environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("WANDB", "RUNPOD"))},
            "PATH": f"{self.bin}:{os.environ['PATH']}",
            "SEQREC_VOLUME": str(self.volume),
            "SEQREC_VENV": sys.prefix,
            "OMP_NUM_THREADS": "1",
        }

    def program(self, name, body):
        """Put a program in front of the machine's own."""
        path = self.bin / name
        path.write_text(f"#!/bin/bash\n{body}\n")
        path.chmod(0o755)

    def command(self, arguments):
        return [str(self.project / "runpod_entrypoint.sh"), *arguments]

    def run(self, *arguments, **more):
        done = subprocess.run(
            self.command(arguments),
            env={**self.environment, **more},
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            check=False,
            cwd="/",
        )
        return done.returncode, re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)

    def start(self, *arguments, **more):
        return subprocess.Popen(
            self.command(arguments),
            env={**self.environment, **more},
            cwd="/",
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def log(self):
        logs = sorted((self.volume / "logs").glob("*.log"))
        return re.sub(r"\s*\n\s+", " ", logs[-1].read_text()) if logs else ""

    def wait_for(self, text, seconds=120):
        deadline = time.monotonic() + seconds
        while text not in self.log():
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.2)

    def wait_for_checkpoint(self):
        self.wait_for("ncf epoch   0: loss")
        folder = self.volume / "data/06_models/ml-100k/ncf/checkpoints"
        deadline = time.monotonic() + 60
        while not list(folder.glob("experiment-*/[0-9]*")):
            assert time.monotonic() < deadline, self.log()
            time.sleep(0.1)

    def history(self):
        path = sorted((self.volume / "data/06_models/ml-100k/ncf/history.csv").iterdir())[-1]
        return (path / "history.csv").read_text().splitlines()


@pytest.fixture
def pod(tmp_path):
    return Pod(tmp_path)


def test_help_lists_every_option(pod):
    status, output = pod.run("--help")
    assert status == 0
    options = "model dataset env experiment epochs backend resume smoke dry-run no-wandb stop-pod"
    assert [name for name in options.split() if f"\n  --{name} " not in output] == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--modell", "ncf"], "unknown option --modell"),
        (["--model", "sasrec"], "unknown model sasrec: ss4rec-official, ss4rec-plus, ncf or all"),
        (["--model"], "--model needs a value"),
        (["--epochs", "--resume"], "--epochs needs a value"),
        (["--epochs", "0"], "--epochs needs a whole number above 0"),
        (["--env", "moon"], "unknown environment moon"),
        (["--backend", "cuda"], "unknown backend cuda"),
        (["--dataset", "ml-1m,data=/x,resume=true"], "--dataset needs a plain name"),
        (["--dataset", "../../evil"], "--dataset needs a plain name"),
        (["--env", "../conf"], "--env needs a plain name"),
        (["--env", "experiments"], "unknown environment experiments"),
        (["--experiment", "moon"], "unknown experiment moon"),
        (["--experiment", "a,data=/x"], "--experiment needs a plain name"),
    ],
)
def test_wrong_options_are_refused_before_anything_happens(pod, arguments, complaint):
    status, output = pod.run(*arguments)
    assert status == 2
    assert complaint in output
    assert list(pod.volume.iterdir()) == []


def test_the_old_name_of_the_model_is_deprecated_and_runs_the_official_one(pod):
    status, output = pod.run("--model", "ss4rec", "--dry-run")
    assert status == 0
    assert "WARNING: --model ss4rec is deprecated and means ss4rec-official" in output
    assert "--pipelines data_processing\\,recbole_format\\,train_ss4rec " in output


def test_a_dry_run_prints_the_commands_and_writes_nothing(pod):
    status, output = pod.run(
        "--dry-run",
        "--dataset",
        "ml-32m",
        "--epochs",
        "7",
        "--resume",
        "--stop-pod",
        RUNPOD_POD_ID="abc",
    )
    assert status == 0
    assert "kedro preflight --env runpod --model all" in output
    assert "train_ss4rec\\,train_ncf\\,evaluation" in output
    for part in ("dataset=ml-32m", "ncf.training.epochs=7", "resume=true", "+ stop pod abc"):
        assert part in output
    assert not (pod.volume / "data").exists()


def test_an_experiment_reaches_every_command(pod):
    status, output = pod.run("--experiment", "ml-1m-likes-searched", "--dry-run")
    assert status == 0
    commands = re.findall(r"kedro (?:preflight|run) .*", output)
    assert len(commands) == 2
    assert all("experiment=ml-1m-likes-searched" in command for command in commands)


def test_ss4rec_plus_is_trained_alone_and_shown_on_the_leaderboard(pod):
    status, output = pod.run("--model", "ss4rec-plus", "--epochs", "7", "--dry-run")
    assert status == 0
    assert "kedro preflight --env runpod --model ss4rec_plus" in output
    commands = re.findall(r"kedro run .*--pipelines (\S+) .*", output)
    assert commands == ["data_processing\\,recbole_format\\,train_ss4rec_plus", "leaderboard"]
    assert "ss4rec_plus.training.epochs=7" in output


@pytest.mark.parametrize(
    ("arguments", "backend"),
    [
        ([], "auto"),
        (["--model", "ncf"], "auto"),
        (["--model", "ss4rec-official"], "official"),
        (["--model", "ss4rec-official", "--backend", "triton"], "triton"),
        (["--backend", "official"], "official"),
    ],
    ids=["all", "ncf", "official model", "triton", "official kernels"],
)
def test_the_official_kernels_train_only_if_they_are_asked_for(pod, arguments, backend):
    pod.program("python", "exit 0")  # they can be imported
    status, output = pod.run("--dry-run", *arguments, SEQREC_VENV=str(pod.bin.parent))
    assert status == 0
    assert set(re.findall(r"runtime\.ssm_backend=(\w+)", output)) == {backend}


def test_the_credentials_of_a_mirror_are_not_printed(pod):
    mirror = "https://user:canary-password@mirror"
    status, output = pod.run("--dry-run", SEQREC_MIRROR=mirror)
    assert status == 0
    assert "mirror=https://<credentials>@mirror" in output
    assert "canary" not in output
    status, output = pod.run("--dry-run", SEQREC_MIRROR="https://mirror,resume=true")
    assert status == 1
    assert "SEQREC_MIRROR may not hold ','" in output


@pytest.mark.parametrize(
    ("smi", "complaint"),
    [
        ("exit 9", "nvidia-smi finds no GPU: rent a pod with one, or try --smoke on the CPU"),
        ("echo 'NVIDIA RTX A6000, 570.1, 900'", "NVIDIA RTX A6000 has  900 MiB free and 4096 are"),
    ],
    ids=["no gpu", "little memory"],
)
def test_a_machine_that_will_not_do_stops_at_once(pod, smi, complaint):
    pod.program("nvidia-smi", smi)
    webhook = Webhook()
    started = time.monotonic()
    with serving(webhook) as address:
        status, output = pod.run(DISCORD_WEBHOOK_URL=f"{address}/secret-webhook")
    assert status == 1
    assert f"STOP: {complaint}" in output
    assert "secret-webhook" not in output
    assert time.monotonic() - started < 30
    (message,) = webhook.messages
    assert "stopped before training" in message
    log = re.search(r"Log: (.*)\n", output)[1]
    assert f"STOP: {complaint}" in Path(log).read_text()


def stops_of(pod):
    """The file in which a fake runpodctl notes its calls."""
    calls = pod.bin.parent / "runpodctl-calls"
    pod.program("runpodctl", f'echo "$*" >> "{calls}"')
    return calls


def test_a_pod_that_cannot_write_its_volume_is_stopped_too(pod):
    calls = stops_of(pod)
    volume = {"SEQREC_VOLUME": "/proc/nowhere", "RUNPOD_POD_ID": "abc"}
    status, output = pod.run(*SMALL, "--stop-pod", **volume)
    assert status == 1
    assert "/proc/nowhere cannot be written: set SEQREC_VOLUME" in output
    assert calls.read_text() == "pod stop abc\n"


def test_a_full_disk_stops_at_once(pod):
    pod.program("df", "printf 'a b c d\\nx 1 1 2048000 1\\n'")
    status, output = pod.run(*SMALL)
    assert status == 1
    assert "has 2000 MiB free and 3072 are needed: make room" in output


def test_a_wrong_checksum_and_a_dead_webhook_are_red_lines(pod):
    def wrong(request):
        request.send_response(200)
        request.send_header("Content-Length", "3")
        request.end_headers()
        request.wfile.write(b"zip")

    with serving(wrong) as address:
        status, output = pod.run(*SMALL, "--dataset", "ml-1m", SEQREC_MIRROR=address)
    assert status == 1
    assert "STOP dataset" in output
    assert "instead of c4d9eecfca2ab87c1945afe126590906: try again" in output
    assert not list(pod.volume.rglob("*.zip"))


def test_it_runs_twice_and_stops_the_pod(pod):
    """The whole way on the CPU; runpodctl is asked once, at the end, and results are kept."""
    calls = pod.volume / "runpodctl-calls"
    pod.program("runpodctl", f'echo "$*" >> "{calls}"')
    for time_ in (1, 2):
        status, output = pod.run(*SMALL, "--epochs", "1", "--stop-pod", RUNPOD_POD_ID="abc")
        assert status == 0, output
        for line in ("ok   device", "ok   W&B", "ok   ncf: 10 steps", "ok   estimate"):
            assert line in output
        assert "pod abc is stopped" in output
        assert len(calls.read_text().splitlines()) == time_
        assert len(list((pod.volume / "results").iterdir())) == time_
    assert len(pod.history()) == 2
    figures = json.loads((pod.volume / "data/08_reporting/ml-100k/preflight.json").read_text())
    assert figures["seconds_taken"] < 60
    assert {path.name for path in (pod.project / "data").iterdir()} == set()


RUN = """\
case "$*" in
  *"kedro preflight"*) ;;
  *"kedro run"*)
    echo "$*" >> "{pod.volume}/runs"
    [[ $* != *evaluation* ]] || {{ mkdir -p "{made}" && echo new > "{made}/report.html"; }} ;;
  *) exec "{sys.executable}" "$@" ;;
esac
"""


def test_the_comparison_is_made_if_both_models_are_trained_and_its_report_is_kept(pod):
    """With a Python that notes what is run, and makes a report where one would be made."""
    report = pod.volume / "data/08_reporting/ml-100k/report.html"
    made = report / "2099-01-01T00.00.00.000Z"
    pod.program("python", RUN.format(pod=pod, made=made, sys=sys))
    pod.environment["SEQREC_VENV"] = str(pod.bin.parent)
    old = report / "2026-01-01T00.00.00.000Z" / "report.html"
    old.parent.mkdir(parents=True)
    old.touch()
    ranks = pod.volume / "data/07_model_output/ml-100k/ss4rec/target_ranks.parquet"
    kept = []
    for trained in (False, True):
        if trained:
            version = ranks / "2026-01-01T00.00.00.000Z"
            version.mkdir(parents=True)
            (version / ranks.name).write_text("ranks")  # an empty version does not count
        time.sleep(1.1)  # results are kept in a folder named after the second
        status, output = pod.run(*SMALL)
        assert status == 0, output
        newest = sorted((pod.volume / "results").iterdir())[-1]
        kept.append({path.name: path.read_text() for path in newest.glob("*.html")})
    first, second = (pod.volume / "runs").read_text().splitlines()
    assert "--pipelines data_processing,recbole_format,train_ncf --params" in first
    assert "--pipelines data_processing,recbole_format,train_ncf,evaluation --params" in second
    assert kept == [{}, {"report.html": "new\n"}]


SEVERAL_GPUS = """\
case "$*" in
  *"kedro preflight"*) ;;
  *train_ncf*) echo "$WANDB_RUN_ID" >> "{volume}/ids"; exit $(cat "{volume}/fails") ;;
  *"kedro run"*) ;;
  *) exec "{python}" "$@" ;;
esac
"""


def test_on_several_gpus_the_same_command_goes_on_with_its_wandb_run(pod):
    """With a Python that trains nothing: twice it fails, then the command is another."""
    pod.program("nvidia-smi", f"echo '{GPU}'; echo '{GPU}'")
    pod.program("df", "printf 'a b c d\\nx 1 1 99999999 1\\n'")
    pod.program("python", SEVERAL_GPUS.format(volume=pod.volume, python=sys.executable))
    pod.environment["SEQREC_VENV"] = str(pod.bin.parent)
    asked = [("1", []), ("1", ["--resume"]), ("0", []), ("1", []), ("0", ["--epochs", "3"])]
    for fails, more in asked:
        (pod.volume / "fails").write_text(fails)
        status, output = pod.run("--model", "ncf", *more)
        assert status == int(fails), output
        time.sleep(1.1)  # runs are named after the second
    ids = (pod.volume / "ids").read_text().split()
    assert ids[0] == ids[1] == ids[2]
    assert len(set(ids)) == 3


THREE_GPUS = """\
echo 'NVIDIA H100, 570.1, 80000, 0, GPU-0a1b-77'
echo 'NVIDIA H100, 570.1, 900, 1, GPU-0c2d-88'
echo 'NVIDIA H100, 570.1, 80000, 2, GPU-1e3f-99'
"""
"""The one in the middle is somebody else's."""


@pytest.mark.parametrize(
    ("visible", "processes"),
    [("0,2", 2), ("2", 1), ("GPU-0a1b,GPU-1e3f-99", 2), ("MIG-4f0e-1", 1), ("0,7", 1)],
)
def test_the_gpus_that_cuda_may_see_are_used_and_no_others(pod, visible, processes):
    pod.program("nvidia-smi", THREE_GPUS)
    pod.program("df", "printf 'a b c d\\nx 1 1 99999999 1\\n'")
    asked = f'echo "$*" >> "{pod.volume}/asked"'
    pod.program("python", f'[[ $* != *"kedro run"* ]] || {asked}')
    pod.environment["SEQREC_VENV"] = str(pod.bin.parent)
    status, output = pod.run("--model", "ncf", CUDA_VISIBLE_DEVICES=visible)
    assert status == 0, output
    assert output.count("GPU: NVIDIA H100, 570.1, 80000 MiB free") == processes
    (training,) = re.findall(r".*train_ncf.*", (pod.volume / "asked").read_text())
    counts = re.findall(r"--nproc-per-node (\d+)", training)
    assert counts == ([str(processes)] if processes > 1 else [])


@pytest.mark.parametrize(
    ("visible", "complaint"),
    [
        ("", "CUDA_VISIBLE_DEVICES= leaves none of the GPUs that nvidia-smi finds"),
        ("-1", "CUDA_VISIBLE_DEVICES=-1 leaves none of the GPUs that nvidia-smi finds"),
        ("0,1", "NVIDIA H100 has  900 MiB free and 4096 are needed"),
    ],
    ids=["empty", "none", "held by another"],
)
def test_gpus_that_will_not_do_stop_at_once(pod, visible, complaint):
    pod.program("nvidia-smi", THREE_GPUS)
    pod.program("df", "printf 'a b c d\\nx 1 1 99999999 1\\n'")
    pod.program("python", "exit 0")
    pod.environment["SEQREC_VENV"] = str(pod.bin.parent)
    status, output = pod.run("--model", "ncf", CUDA_VISIBLE_DEVICES=visible)
    assert status == 1
    assert f"STOP: {complaint}" in output


WAYS = [
    pytest.param(signal.SIGTERM, id="term"),
    pytest.param(signal.SIGHUP, id="hang-up", marks=pytest.mark.slow),
    pytest.param(signal.SIGKILL, id="kill", marks=pytest.mark.slow),
]


@pytest.mark.parametrize("way", WAYS)
def test_a_pod_that_is_taken_away_goes_on_with_the_same_command(pod, way):
    running = pod.start(*SMALL, "--epochs", "60")
    pod.wait_for_checkpoint()
    if way == signal.SIGHUP:  # a closed terminal tells every process of its group
        os.killpg(running.pid, way)
        assert running.wait(60) == 75, pod.log()
    elif way == signal.SIGTERM:
        running.send_signal(way)
        assert running.wait(60) == 75, pod.log()
        assert "the same command goes on from the last checkpoint" in pod.log()
        (kept,) = (pod.volume / "results").iterdir()
        assert list(kept.glob("*.log"))
    else:
        os.killpg(running.pid, way)
        running.wait(60)
    trained = len(re.findall(r"ncf epoch +\d+: loss", pod.log()))
    assert trained >= 1
    status, output = pod.run(*SMALL, "--epochs", "2")
    assert status == 0, output
    assert "ncf resumes in epoch" in output
    assert len(pod.history()) == 1 + max(2, trained)


def test_a_second_run_on_the_same_volume_is_refused_and_leaves_the_pod_to_the_first(pod):
    calls = stops_of(pod)
    (pod.volume / ".seqrec").mkdir()
    holder = subprocess.Popen(["flock", str(pod.volume / ".seqrec/lock"), "sleep", "60"])
    try:
        time.sleep(0.5)
        status, output = pod.run(*SMALL, "--stop-pod", RUNPOD_POD_ID="abc")
    finally:
        holder.kill()
    assert status == 1
    assert "a run is still under way" in output
    assert not calls.exists()


class TestSetUp:
    """The environment's installation, with an installer that only notes what it is asked for."""

    @pytest.fixture
    def pod(self, tmp_path):
        pod = Pod(tmp_path)
        del pod.environment["SEQREC_VENV"]
        pod.environment["PYTHON"] = sys.executable
        pod.program("nvidia-smi", f"echo '{GPU}'")
        return pod

    def test_an_interrupted_installation_is_done_again(self, pod):
        calls = pod.volume / "uv-calls"
        pod.program("uv", f'echo "$PWD $*" >> "{calls}"; exit 1')
        for time_ in (1, 2):
            status, output = pod.run(*SMALL)
            assert status == 1
            assert "uv has failed" in output
            assert "the next run begins again where this one stopped" in output
            installs = [line for line in calls.read_text().splitlines() if "-e ." in line]
            assert len(installs) == time_
        assert not (pod.volume / ".seqrec/venv/.ready").exists()
        install = installs[-1]
        assert install.startswith(f"{pod.project} pip install ")
        assert f"-c {pod.project / 'constraints.txt'} torch==2." in install


@pytest.mark.parametrize(
    ("found", "tags"),
    [
        (("2.6.0+cu124", "12.4", False, (3, 11)), "cu12torch2.6cxx11abiFALSE-cp311-cp311"),
        (("2.10.0", "13.0", True, (3, 12)), "cu13torch2.10cxx11abiTRUE-cp312-cp312"),
        (("2.11.0+cu130", "13.0", True, (3, 12)), None),
        (("2.8.0+cpu", None, True, (3, 12)), None),
    ],
)
def test_the_wheels_are_those_of_this_machine(found, tags):
    from seqrec.checks.wheel_tags import wheel_tags

    if tags is None:
        with pytest.raises(ValueError, match=r"torch 2\."):
            wheel_tags(*found)
    else:
        assert wheel_tags(*found) == f"{tags}-linux_x86_64.whl"


def test_the_script_is_clean():
    checker = shutil.which("shellcheck", path=f"{sys.prefix}/bin:{os.environ['PATH']}")
    done = subprocess.run(
        [str(checker), str(ROOT / "runpod_entrypoint.sh")], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout
