"""Each check turns red for what it is there to find, and says what to do."""

import shutil
from types import SimpleNamespace

import pytest
import torch

from seqrec.checks import disk, kernels, memory, rehearsal, services
from seqrec.checks.check import as_line, look
from seqrec.checks.dataset import check_dataset
from seqrec.checks.device import check_device
from seqrec.checks.estimate import check_estimate
from seqrec.datasets.ratings import RatingsDataset
from seqrec.parameters import Notifications, Runtime, Tracking
from seqrec.services import WEBHOOK
from tests.conftest import CPU, DUCKDB, MODEL_OF, ss4rec_model, training
from tests.servers import Webhook, serving


def test_a_gpu_that_is_not_there_is_a_red_line_and_no_traceback():
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    check, _ = look("device", lambda: check_device(Runtime(device="cuda")))
    assert not check.passed
    assert "sees no CUDA device" in as_line(check, 0.0)


@pytest.mark.parametrize("count", [1, 2])
def test_all_gpus_of_a_machine_are_named(monkeypatch, count):
    properties = SimpleNamespace(name="NVIDIA H100", total_memory=80 * 2**30)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: count)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda _: properties)
    detail = check_device(Runtime(device="cuda")).detail
    assert detail.startswith("NVIDIA H100, 80 GiB")
    assert ("2 GPUs: torchrun --nproc-per-node 2 trains on all" in detail) is (count == 2)


@pytest.mark.parametrize(("needed", "passed"), [(0.001, True), (1e6, False)])
def test_memory(needed, passed):
    check = memory.check_memory(needed, CPU)
    assert check.passed is passed
    assert ("take a larger GPU" in check.detail) is not passed


def test_the_need_grows_with_what_takes_memory():
    model = ss4rec_model(max_length=200)
    plan = training("ss4rec", batch_size=128)
    small = memory.needed_gib(model, plan, CPU, 6_000, 3_000)
    assert small < memory.needed_gib(model, plan, CPU, 200_000, 84_000)
    assert small < memory.needed_gib(ss4rec_model(max_length=400), plan, CPU, 6_000, 3_000)
    unseen = training("ss4rec", batch_size=128, candidates="unseen")
    table = 128 * 84_000 * 2 / 2**30
    more = [memory.needed_gib(model, x, CPU, 6_000, 84_000) for x in (unseen, plan)]
    assert more[0] - more[1] == pytest.approx(table)
    half = plan.model_copy(update={"accumulate": 2})
    assert small > memory.needed_gib(model, half, CPU, 6_000, 3_000)


def test_disk(tmp_path, monkeypatch):
    assert disk.check_disk(tmp_path / "not" / "yet", 0).passed
    usage = shutil.disk_usage(tmp_path)._replace(free=10)
    monkeypatch.setattr(disk.shutil, "disk_usage", lambda _: usage)
    assert "make room" in disk.check_disk(tmp_path, 0).detail


def test_a_table_of_ones_own_is_counted_and_a_bad_row_is_a_red_line(tmp_path):
    log = tmp_path / "log.csv"
    log.write_text("user_id,item_id,timestamp\n" + "anna,x,100\nben,y,200\nben,x,300\n" * 60)
    ratings = RatingsDataset(
        dataset="shop",
        filepath="raw",
        engine=DUCKDB,
        source={"path": str(log)},
        rejects=str(tmp_path / "rejects.csv"),
    )
    assert check_dataset(ratings, ratings.size).detail.endswith("180 ratings, 2 users, 2 items")
    with log.open("a") as handle:
        handle.write("anna,z,soon\n")
    check, _ = look("dataset", lambda: check_dataset(ratings, ratings.size))
    assert not check.passed
    assert "line 182: timestamp 'soon' is no time" in check.detail


def test_the_kernels_agree_here():
    check = kernels.check_kernels(ss4rec_model(n_layers=2), CPU)
    assert check.passed, check.detail


def test_wrong_kernels_are_noticed(monkeypatch):
    right = kernels._copy_on

    def wrong(*arguments):
        encoder = right(*arguments)
        with torch.no_grad():
            encoder.blocks[0].time_aware.D.mul_(1.01)
        return encoder

    monkeypatch.setattr(kernels, "_copy_on", wrong)
    check = kernels.check_kernels(ss4rec_model(), CPU)
    assert not check.passed
    assert "try another runtime.ssm_backend" in check.detail


@pytest.mark.parametrize("name", list(MODEL_OF))
def test_ten_steps_are_rehearsed(name):
    check = rehearsal.rehearse(name, MODEL_OF[name](), training(name), CPU, 100)
    assert check.passed, check.detail
    assert check.facts["targets_per_second"] > 0


@pytest.mark.parametrize("rate", [3.0, 30.0], ids=["rises", "nan"])
def test_a_training_that_learns_nothing_is_a_red_line(rate):
    plan = training("ss4rec", learning_rate=rate)
    rehearse = rehearsal.rehearse
    check, _ = look("ss4rec", lambda: rehearse("ss4rec", ss4rec_model(), plan, CPU, 100))
    assert not check.passed
    assert "lower" in check.detail
    assert "learning_rate" in check.detail


@pytest.mark.parametrize(("status", "passed"), [(204, True), (302, False), (404, False)])
def test_discord_is_asked(status, passed, monkeypatch):
    with serving(Webhook(*9 * [status])) as address:
        monkeypatch.setenv(WEBHOOK, f"{address}/secret")
        check = services.check_discord(Notifications())
    assert check.passed is passed
    assert "secret" not in check.detail
    assert services.check_discord(Notifications(enabled=False)).passed


def test_wandb_is_asked_if_the_run_is_online(monkeypatch):
    monkeypatch.delenv("WANDB_MODE", raising=False)
    monkeypatch.setenv("WANDB_API_KEY", "canary")
    monkeypatch.setenv("WANDB_BASE_URL", "http://127.0.0.1:9")
    check = services.check_wandb(Tracking())
    assert not check.passed
    assert "give --no-wandb" in check.detail
    assert services.check_wandb(Tracking(mode="offline")).passed
    monkeypatch.delenv("WANDB_API_KEY")
    assert services.check_wandb(Tracking()).detail == "offline; `wandb sync` sends it later"


def test_time_and_cost_are_worked_out():
    plans = {"ncf": training("ncf", epochs=100)}
    check = check_estimate({"ncf": 1000.0}, plans, ratings=36_000, dollars_per_hour=2.0)
    assert "at most 60 min, $2.00 of training (ncf 36.0 s × at most 100 epochs)" in check.detail
