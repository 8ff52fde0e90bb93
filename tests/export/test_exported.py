"""What leaves the project ranks as the model does, and says what it is."""

import json

import numpy as np
import pytest
import torch
from kedro.io.core import Version

from seqrec.datasets.exported_model import ExportedModelDataset
from seqrec.errors import ProjectError
from seqrec.export import check, onnx
from seqrec.export.onnx import NoOnnx, check_packages, to_onnx
from seqrec.export.programs import SCORE, STEP, Sketch, export_program, sketch_programs
from seqrec.model_registry import MODELS
from seqrec.parameters import Evaluation, Export
from seqrec.recbole_bridge import exporting
from seqrec.recbole_bridge.api import train
from seqrec.recbole_bridge.exporting import export_checked
from seqrec.training.start import ForUse, Start
from tests.conftest import CPU, cyclic_ratings, process
from tests.recbole_bridge.helpers import experiment_of, train_of

NO_ONNX = Export(onnx=False)
EVALUATION = Evaluation()
STEPPING = {"ss4rec", "ss4rec_plus", "mamba4rec"}


def exported(artifact, files, options=NO_ONNX):
    return export_checked(artifact, files, CPU, EVALUATION, options)


def saved(folder, model):
    path = str(folder / "export")
    ExportedModelDataset(filepath=path, version=Version(None, "2026-01-01T00.00.00.000Z")).save(
        model
    )
    return ExportedModelDataset(filepath=path, version=Version(None, None)).load()


@pytest.mark.parametrize(
    "name",
    [
        name if name in ("ss4rec", "ncf", "sasrec") else pytest.param(name, marks=pytest.mark.slow)
        for name in MODELS
    ],
)
def test_every_model_leaves_as_a_program_that_ranks_alike(name, files, tmp_path):
    artifact, _ = train_of(name, files)
    model = exported(artifact, files)
    assert set(model.programs) == ({SCORE, STEP} if name in STEPPING else {SCORE})
    its = model.check["torch.export, score"]
    assert its["users"] == its["equal_ranks"] == its["equal_lists"] == 24
    assert its["largest_score_difference"] < 1e-4
    if name in STEPPING:
        assert model.check["torch.export, step"]["largest_score_difference"] < 1e-4
    folder = saved(tmp_path, model)
    program = torch.export.load(folder / "score.pt2").module()
    example = sketch_programs(artifact.config, artifact.weights)[SCORE].example
    three = program(*example.values())
    assert three.shape == (3, 21)
    assert torch.isneginf(three[:, 0]).all()
    one = {k: x[:1, :1] if x.dim() == 2 else x[:1] for k, x in example.items()}
    if "lengths" in one:
        one["lengths"] = torch.tensor([1])
    assert torch.isfinite(program(*one.values())[:, 1:]).all()


def test_the_folder_can_be_uploaded_as_it_is(files, tmp_path):
    artifact, _ = train_of("sasrec", files)
    folder = saved(tmp_path, exported(artifact, files))
    assert {path.name for path in folder.iterdir()} == {
        "README.md", "LICENSE.md", "score.pt2", "model.safetensors", "config.json",
        "item_id.csv", "programs.json", "metrics.json", "check.json",
    }  # fmt: skip
    card = (folder / "README.md").read_text()
    header = dict(line.split(": ", 1) for line in card.split("---")[1].strip().splitlines())
    assert json.loads(header["license"]) == "other"
    results = json.loads(header["model-index"])[0]["results"][0]["metrics"]
    measured = json.loads((folder / "metrics.json").read_text())
    assert {each["type"]: each["value"] for each in results} == measured["values"]
    assert measured["users"] == 24
    assert "export.onnx=false" in card
    assert "A film" not in card + (folder / "item_id.csv").read_text()
    assert (folder / "item_id.csv").read_text().split()[1:] == artifact.items["item_id"].tolist()


def test_what_was_trained_on_everything_is_not_shown_as_measured(make_files, tmp_path):
    everything = make_files(process(cyclic_ratings(), split="all"), split="all")
    use = ForUse(3, "2026-01-01T00.00.00.000Z", "NDCG@10", 0.51234)
    artifact, _ = train(experiment_of("sasrec"), everything, start=Start(use))
    model = exported(artifact, everything)
    assert model.metrics == {}
    assert "model-index" not in model.card
    assert "**This model was not measured**" in model.card
    assert "2026-01-01T00.00.00.000Z of the same configuration, whose best NDCG@10" in model.card
    assert model.check["torch.export, score"]["equal_ranks"] == 24


@pytest.mark.parametrize(
    ("dataset", "said"), [("ml-100k", "GroupLens"), ("shop", "a log of your own")]
)
def test_the_licence_follows_the_data(dataset, said):
    text = exporting.write_licence(dataset, names_users=False)
    assert said in text
    assert "personal data" not in text
    assert "personal data" in exporting.write_licence(dataset, names_users=True)


def test_a_program_that_ranks_otherwise_is_not_kept(files, monkeypatch):
    artifact, _ = train_of("sasrec", files)
    monkeypatch.setattr(check, "inputs_of", shuffled(check.inputs_of))
    with pytest.raises(ProjectError, match="ranks otherwise than the model for"):
        exported(artifact, files)


def shuffled(inputs_of):
    def other(spec, batch):
        inputs = inputs_of(spec, batch)
        return {**inputs, "items": inputs["items"].flip(0)}

    return other


def test_a_damaged_folder_is_refused(files, tmp_path):
    artifact, _ = train_of("bprmf", files)
    folder = saved(tmp_path, exported(artifact, files))
    (folder / "score.pt2").write_bytes(b"something else")
    dataset = ExportedModelDataset(filepath=str(tmp_path / "export"), version=Version(None, None))
    with pytest.raises(ProjectError, match=r"score\.pt2 has 14 bytes instead of"):
        dataset.load()


needs_onnx = pytest.mark.skipif(check_packages("auto") is not None, reason="pip install .[export]")


@needs_onnx
@pytest.mark.parametrize(
    "name",
    [
        "bprmf",
        "sasrec",
        pytest.param("ss4rec", marks=pytest.mark.slow),
        pytest.param("gru4rec", marks=pytest.mark.slow),
    ],
)
def test_onnx_ranks_alike_too(name, files, tmp_path):
    artifact, _ = train_of(name, files)
    model = exported(artifact, files, Export(onnx=True))
    assert set(model.onnx) == set(model.programs)
    its = model.check["ONNX, score"]
    assert its["equal_ranks"] == its["users"] == 24
    if name == "ss4rec":
        assert model.check["ONNX, step"]["largest_score_difference"] < 1e-4
    folder = saved(tmp_path, model)
    session = onnx.open_session(model.onnx[SCORE])
    assert (folder / "score.onnx").stat().st_size > 1000
    assert [each.name for each in session.get_inputs()] == list(model.inputs[SCORE]["takes"])


class Unknown(torch.nn.Module):
    def forward(self, x):
        return torch.linalg.eigvals(x).real


@needs_onnx
def test_an_operator_that_onnx_has_not_is_named():
    sketch = Sketch(Unknown(), {"x": torch.rand(3, 4, 4)}, ("scores",))
    found = to_onnx(export_program(sketch, 8), sketch)
    assert isinstance(found, NoOnnx)
    assert "linalg_eig" in found.reason


def test_onnx_that_is_wanted_and_cannot_be_had_is_refused(monkeypatch):
    monkeypatch.setattr(onnx, "find_spec", lambda name: None if name == "onnx" else object())
    assert "onnx was not installed" in check_packages("auto").reason
    with pytest.raises(ProjectError, match=r"export\.onnx=true needs onnx: pip install 'seqrec"):
        check_packages(True)
    assert np.all([check_packages(False)])
