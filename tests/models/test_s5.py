import pytest
import s5
import torch

from seqrec.models.interchange import s5_from_official, s5_to_official
from seqrec.models.s5 import S5
from seqrec.ops.backend import resolve


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return S5(6, 8, dt_min=0.001, dt_max=0.1, backend=resolve("torch", "cpu"))


def as_reference(layer):
    """The same weights in s5-pytorch's complex form."""
    reference = s5.S5(6, 8, dt_min=0.001, dt_max=0.1)
    reference.load_state_dict(s5_to_official(layer.state_dict()))
    return reference


def test_equals_s5_pytorch_with_a_step_per_token(layer):
    # In double precision: s5-pytorch rounds its phases in single precision, ours does not.
    u = torch.randn(3, 40, 6, dtype=torch.float64)
    interval = torch.rand(3, 40, dtype=torch.float64) * 20
    interval[:, ::3] = 0
    reference = as_reference(layer).seq
    for name, value in reference.named_parameters():
        double = torch.complex128 if value.is_complex() else torch.float64
        setattr(reference, name, torch.nn.Parameter(value.to(double)))
    ours, _ = layer.double()(u, interval)
    theirs = torch.stack([reference(x, step_scale=t) for x, t in zip(u, interval, strict=True)])
    torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-11)


def test_every_parameter_is_real(layer):
    assert not any(p.is_complex() for p in layer.parameters())


def test_initialisation_is_hippo(layer):
    expected, *_ = s5.init.make_DPLR_HiPPO(8)
    torch.testing.assert_close(layer.Lambda_re, torch.tensor(expected.real, dtype=torch.float32))
    torch.testing.assert_close(layer.Lambda_im, torch.tensor(expected.imag, dtype=torch.float32))


def test_a_positive_eigenvalue_cannot_blow_up(layer):
    with torch.no_grad():
        layer.Lambda_re.fill_(5.0)
    y, last = layer(torch.randn(1, 30, 6), torch.full((1, 30), 1e9))
    assert torch.isfinite(y).all()
    assert torch.isfinite(last).all()


def test_official_weights_go_in_and_out_bit_for_bit(layer):
    official = s5.S5(6, 8).state_dict()
    layer.load_state_dict(s5_from_official(official))
    back = s5_to_official(layer.state_dict())
    assert back.keys() == official.keys()
    assert all(torch.equal(back[name], official[name]) for name in official)


def test_without_input_time_adds_up(layer):
    """Δ₁ then Δ₂ moves the state as Δ₁ + Δ₂ does."""
    state = torch.randn(1, 16)
    _, twice = layer(torch.zeros(1, 2, 6), torch.tensor([[3.0, 4.5]]), state)
    _, once = layer(torch.zeros(1, 1, 6), torch.tensor([[7.5]]), state)
    torch.testing.assert_close(twice, once)
