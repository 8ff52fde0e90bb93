"""Which training of a model counts."""

import pytest

from seqrec.errors import ProjectError
from seqrec.runs import Data, Training, choose, differences
from seqrec.training.experiment import Experiment
from tests.conftest import CPU, MODEL_OF
from tests.conftest import training as short_training

HASH, GROUP = {"tie_policy": "hash"}, {"tie_policy": "group"}
NOW = Data("data-now", HASH)


def record(**training):
    return {"name": "ss4rec", "model": {"parts": "both"}, "training": {"seed": 1, **training}}


def kept(version, data="data-now", score=0.5, protocol=HASH, **training):
    return Training(version, record(**training), data, score, protocol)


def test_the_newest_of_the_present_configuration_and_data_counts():
    trainings = [kept("1"), kept("2"), kept("3", seed=2), kept("4", data="data-before")]
    assert choose(trainings, "present", record(), NOW).version == "2"


def test_one_can_be_chosen():
    trainings = [kept("1", score=0.7), kept("2", score=0.6), kept("3", "data-before", 0.9)]
    assert choose(trainings, "best", record(), NOW).version == "1"
    assert choose(trainings, "latest", record(), NOW).version == "3"
    assert choose(trainings, "2", record(seed=9), NOW).version == "2"


@pytest.mark.parametrize("wanted", ["present", "best", "2099"])
def test_what_is_not_there_is_refused_with_what_is(wanted):
    trainings = [kept("1", data="data-before"), kept("2", "data-before", seed=3)]
    with pytest.raises(ProjectError) as refused:
        choose(trainings, wanted, record(), NOW)
    told = str(refused.value)
    assert "\n" not in told
    for part in ("2 (seed=3, other data)", "1 (other data)", "runs.ss4rec=", "train_ss4rec"):
        assert part in told


def test_data_that_this_run_makes_are_compared_by_their_protocol():
    trainings = [kept("1"), kept("2", "data-before", protocol=GROUP)]
    anew = Data(None, HASH)
    assert choose(trainings, "present", record(), anew).version == "1"
    with pytest.raises(ProjectError, match="no training of the present configuration and data"):
        choose(trainings, "present", record(), Data(None, {"tie_policy": "file"}))


def test_files_of_earlier_versions_say_less_and_still_count():
    old = Training("1", record())
    assert choose([old], "present", record(), NOW) is old


def test_trainings_of_earlier_versions_had_all_candidates():
    old = Training.from_config("1", record())
    assert choose([old], "present", record(candidates="all"), NOW) is old
    with pytest.raises(ProjectError, match=r"1 \(candidates=all\)"):
        choose([old], "present", record(candidates="unseen"), NOW)


def test_a_parameter_that_came_later_is_no_difference():
    assert differences(record(), record(momentum=0.9)) == []
    assert differences(record(seed=2, rate=0.1234567), record()) == ["seed=2"]


@pytest.mark.parametrize(("mask", "candidates"), [("masked", "unseen"), ("unmasked", "all")])
def test_a_record_says_which_candidates_the_default_comes_to(mask, candidates):
    for given in (None, candidates):
        training = short_training("ss4rec", valid_mask=mask, candidates=given)
        said = Experiment("ss4rec", MODEL_OF["ss4rec"](), training, CPU).record()
        assert said["training"]["candidates"] == candidates
    pair = short_training("ncf", valid_mask=mask, candidates=None)
    assert pair.model_dump()["candidates"] == "all"
