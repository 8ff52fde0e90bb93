import math

import pytest
import torch
import torch.nn.functional as F

from seqrec.models.mamba import Mamba
from seqrec.ops.backend import resolve
from seqrec.ops.selective_scan.naive import selective_scan

TORCH = resolve("torch", "cpu")

# As in mamba_ssm 2.3.2: Mamba(d_model=64, d_state=32, d_conv=4, expand=2).state_dict().
OFFICIAL_SHAPES = {
    "A_log": (128, 32),
    "D": (128,),
    "in_proj.weight": (256, 64),
    "conv1d.weight": (128, 1, 4),
    "conv1d.bias": (128,),
    "x_proj.weight": (68, 128),
    "dt_proj.weight": (128, 4),
    "dt_proj.bias": (128,),
    "out_proj.weight": (64, 128),
}


def test_parameters_are_those_of_mamba_ssm():
    ours = Mamba(64, 32, 4, 2, TORCH).state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == OFFICIAL_SHAPES


def test_the_initial_step_is_log_uniform_between_its_bounds():
    torch.manual_seed(0)
    dt = F.softplus(Mamba(512, 16, 4, 2, TORCH).dt_proj.bias)
    assert dt.min() > 0.00099
    assert dt.max() < 0.101
    assert dt.log().mean().item() == pytest.approx(math.log(0.01), abs=0.15)


def test_equals_the_published_equations():
    """Algorithm 2 of the paper, token by token, from the weights alone."""
    torch.manual_seed(1)
    layer, hidden = Mamba(8, 4, 4, 2, TORCH), torch.randn(2, 11, 8)
    w = layer.state_dict()
    x, z = (hidden @ w["in_proj.weight"].T).chunk(2, dim=-1)
    padded = F.pad(x, (0, 0, 3, 0))
    x = F.silu(
        sum(padded[:, j : j + 11] * w["conv1d.weight"][:, 0, j] for j in range(4))
        + w["conv1d.bias"]
    )
    dt, B, C = (x @ w["x_proj.weight"].T).split([1, 4, 4], dim=-1)
    dt = dt @ w["dt_proj.weight"].T + w["dt_proj.bias"]
    y, _ = selective_scan(x, dt, -torch.exp(w["A_log"]), B, C, w["D"], z)
    torch.testing.assert_close(layer(hidden)[0], y @ w["out_proj.weight"].T, rtol=1e-4, atol=1e-6)
