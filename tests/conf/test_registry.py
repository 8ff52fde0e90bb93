"""A model is one entry: everything else follows from it, and an entry more is a model more."""

import hashlib
import json
import re

import pytest
import yaml
from kedro.framework.project import configure_project, pipelines
from kedro.framework.session import KedroSession
from kedro.framework.startup import bootstrap_project

from seqrec.model_registry import MODELS, RANKERS, load
from seqrec.parameter_tree import BLOCKS, Parameters
from seqrec.pipelines._plots import PALETTE
from seqrec.pipelines.search.trials import _identity
from tests.cli import kedro
from tests.conftest import ROOT, copy_project

each_model = pytest.mark.parametrize("spec", MODELS.values(), ids=list(MODELS))
each_ranker = pytest.mark.parametrize("spec", RANKERS.values(), ids=list(RANKERS))


@pytest.fixture(autouse=True, scope="module")
def _project():
    bootstrap_project(ROOT)
    configure_project("seqrec")


def parameters_of(env):
    with KedroSession.create(project_path=ROOT, env=env) as session:
        return Parameters.model_validate(session.load_context().config_loader["parameters"])


def outputs(pipeline):
    return pipelines[pipeline].all_outputs()


@each_model
def test_every_model_has_its_conf_file(spec):
    path = ROOT / "conf" / "base" / f"parameters_{spec.name}.yml"
    namespaces = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert list(namespaces) == [spec.name]
    expected = {"model", "training"} | ({"search"} if spec.searchable else set())
    assert set(namespaces[spec.name]) == expected


@each_model
def test_every_model_has_its_type_of_parameters(spec):
    block = Parameters.model_fields[spec.name].annotation
    assert block is BLOCKS[spec.name]
    assert block.model_fields["model"].annotation is spec.parameters
    assert ("search" in block.model_fields) == spec.searchable
    assert type(parameters_of("base").of(spec.name).model) is spec.parameters


@each_model
def test_every_model_has_its_pipelines(spec):
    training = outputs(f"train_{spec.name}")
    kinds = ("weights", "training_log", "target_ranks")
    assert training == {f"{spec.name}.{kind}" for kind in kinds}
    assert f"{spec.name}.recommendations" in outputs(f"recommend_{spec.name}")
    assert outputs(f"lists_{spec.name}") == {f"{spec.name}.lists"}
    assert outputs(f"export_{spec.name}") == {f"{spec.name}.export"}
    assert (f"search_{spec.name}" in pipelines) == spec.searchable
    home, other = ("__default__", "train_baselines")[:: 1 if spec.compared else -1]
    assert training <= outputs(home)
    assert not training & outputs(other)
    assert (f"{spec.name}.metrics" in outputs("evaluation")) == spec.compared


@each_ranker
def test_every_untrained_baseline_is_ranked_once(spec):
    ranks = f"{spec.name}.target_ranks"
    assert (ranks in outputs("__default__")) == spec.compared
    assert (ranks in outputs("train_baselines")) != spec.compared
    assert (f"{spec.name}.metrics" in outputs("evaluation")) == spec.compared


@each_model
def test_an_entry_names_what_there_is(spec):
    assert MODELS[spec.name] is spec
    assert callable(load(spec.recommender).full_sort_predict)
    assert spec.network is None or load(spec.network)


def test_names_titles_and_colours_are_told_apart():
    specs = [*MODELS.values(), *RANKERS.values()]
    assert len({spec.name for spec in specs}) == len(specs)
    assert len({spec.title for spec in specs}) == len(specs)
    colours = [spec.colour for spec in specs if spec.colour]
    assert len(set(colours)) == len(colours)
    assert set(colours) <= set(PALETTE)


def quoted_models(text):
    return {name for name in (*MODELS, *RANKERS) if re.search(rf"[\"']{name}[\"'.]", text)}


def test_no_pipeline_and_no_command_names_a_model():
    source = ROOT / "src" / "seqrec"
    files = [source / "cli.py", source / "pipeline_registry.py"]
    files += (source / "pipelines").rglob("*.py")
    found = {path.name: quoted_models(path.read_text(encoding="utf-8")) for path in files}
    # The profile of the data has a curve called popularity.
    found["profile.py"] -= {"popularity"}
    assert {name: models for name, models in found.items() if models} == {}
    assert quoted_models('weights = "ss4rec.weights"') == {"ss4rec"}


@each_model
@pytest.mark.parametrize("loss", ["CE", "sampled_CE", "BPR", "BCE"])
@pytest.mark.parametrize("mode", ["sequence", "prefix", "pair"])
def test_only_fitting_modes_and_losses_are_accepted(spec, mode, loss):
    values = parameters_of("base").of(spec.name).model_dump()
    values["training"] |= {"training_mode": mode, "loss_type": loss}
    if mode in spec.modes and loss in spec.losses:
        BLOCKS[spec.name].model_validate(values)
    else:
        with pytest.raises(ValueError, match=re.escape(f"{spec.short_title} trains with ")):
            BLOCKS[spec.name].model_validate(values)


@each_model
def test_candidates_are_for_models_of_histories(spec):
    values = parameters_of("base").of(spec.name).model_dump()
    for candidates in ("all", None):
        BLOCKS[spec.name].model_validate(with_candidates(values, candidates))
    unseen = with_candidates(values, "unseen")
    if spec.uses_history:
        assert BLOCKS[spec.name].model_validate(unseen).training.leaves_out_seen
    else:
        with pytest.raises(ValueError, match=f"{spec.short_title} has no softmax over items"):
            BLOCKS[spec.name].model_validate(unseen)


@each_model
def test_ties_are_shuffled_in_histories_only(spec):
    values = parameters_of("base").of(spec.name).model_dump()
    values["training"]["shuffle_ties"] = True
    if spec.uses_history:
        assert BLOCKS[spec.name].model_validate(values).training.shuffle_ties
    else:
        with pytest.raises(ValueError, match=f"{spec.short_title} reads no histories"):
            BLOCKS[spec.name].model_validate(values)


def with_candidates(values, candidates):
    return {**values, "training": {**values["training"], "candidates": candidates}}


def test_the_models_of_record_rank_all_items_in_training():
    """Their published figures were made so."""
    for name in ("ss4rec", "mamba4rec", "sasrec", "gru4rec", "hstu"):
        assert parameters_of("base").of(name).training.candidates == "all"


def test_what_a_model_trains_with_is_said_in_words():
    complaints = {
        "ss4rec": "SS4Rec trains with sequence or prefix mode and CE, sampled_CE or BPR loss",
        "ncf": "NCF trains with pair mode and BCE or BPR loss",
        "bprmf": "BPRMF trains with pair mode and BPR loss",
    }
    for name, complaint in complaints.items():
        values = parameters_of("base").of(name).model_dump()
        wrong = "pair" if MODELS[name].uses_history else "sequence"
        values["training"]["training_mode"] = wrong
        with pytest.raises(ValueError, match=complaint):
            BLOCKS[name].model_validate(values)


class Files:
    """What a search's identity reads of the atomic files."""

    stats = {"users": 943, "items": 1349}  # noqa: RUF012


@pytest.mark.parametrize(
    ("env", "name", "digest"),
    [
        ("base", "ss4rec", "0d26336fb176"),
        ("base", "ncf", "0414eb152b1a"),
        ("smoke", "ss4rec", "03bd4c7ffd2c"),
        ("smoke", "ncf", "8c2a553b9520"),
        ("runpod", "ss4rec", "0d26336fb176"),
        ("runpod", "ncf", "0414eb152b1a"),
    ],
)
def test_studies_on_disk_go_on(env, name, digest):
    """The digests of commit 324c47b: another one would be another study, and begin anew."""
    identity = _identity(parameters_of(env).of(name), Files)
    text = json.dumps(identity, sort_keys=True)
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == digest


END_OF_MODELS = '''    )
}
"""Every model that can be trained'''


def blocks_of(document):
    """The first block of code after each heading that names a file, by that file."""
    found = re.findall(r"^## \d\. [^`\n]*`([^`]+)`.*?^```\w+\n(.*?)^```", document, re.M | re.S)
    return dict(found)


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy of the project to which docs/extend/model.md has been done, word for word."""
    project = copy_project(tmp_path_factory.mktemp("extended") / "project")
    blocks = blocks_of((ROOT / "docs" / "extend" / "model.md").read_text(encoding="utf-8"))
    network, parameters, registry, conf = (project / path for path in blocks)
    for new in (network, conf):
        assert not new.exists()
        new.write_text(blocks[str(new.relative_to(project))], encoding="utf-8")
    with parameters.open("a", encoding="utf-8") as handle:
        handle.write(blocks["src/seqrec/parameters/models.py"])
    before, after = registry.read_text(encoding="utf-8").split(END_OF_MODELS)
    entry = blocks["src/seqrec/model_registry.py"]
    registry.write_text(before + entry + END_OF_MODELS + after, encoding="utf-8")
    return project


def test_an_entry_more_is_its_pipelines_more(extended):
    listed = re.findall(r"^- (\w+)$", kedro(extended, "registry", "list").stdout, re.MULTILINE)
    more = {f"{kind}_markov" for kind in ("train", "recommend", "lists", "export")}
    assert set(listed) == set(pipelines) | more


def test_an_entry_more_is_a_choice_more(extended):
    shown = kedro(extended, "preflight", "--help").stdout
    assert re.search(r"--model \[[a-z0-9_|]*\bmarkov\b[a-z0-9_|]*\]", shown)


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        ("markov.model.hiden_size=8", "markov.model.hiden_size: unknown parameter"),
        ("markov.model.hidden_size=0", "markov.model.hidden_size: input should be greater than 0"),
        (
            "markov.training.training_mode=pair",
            "markov: Markov chain trains with sequence or prefix mode",
        ),
    ],
)
def test_an_entry_more_has_typed_parameters(extended, value, complaint):
    done = kedro(extended, "run", "--pipelines", "train_markov", "--params", value)
    assert done.returncode == 1
    assert complaint in done.stdout


def test_an_entry_without_its_parameters_is_refused(extended):
    path = extended / "conf" / "base" / "parameters_markov.yml"
    text = path.read_text()
    path.unlink()
    try:
        done = kedro(extended, "run", "--pipelines", "train_markov")
    finally:
        path.write_text(text)
    assert "markov: parameter is missing" in done.stdout
