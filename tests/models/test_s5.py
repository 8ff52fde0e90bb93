import pytest
import s5
import torch

from seqrec.models.s5 import S5


@pytest.fixture
def layer():
    torch.manual_seed(0)
    return S5(hidden_size=6, d_state=8, dt_min=0.001, dt_max=0.1)


def as_reference(layer):
    """The same weights in s5-pytorch's complex form."""
    reference = s5.S5(6, 8, dt_min=0.001, dt_max=0.1)
    with torch.no_grad():
        reference.seq.Lambda.copy_(torch.complex(layer.Lambda_re, layer.Lambda_im))
        reference.seq.B.copy_(layer.B)
        reference.seq.C.copy_(torch.view_as_complex(layer.C))
        reference.seq.D.copy_(layer.D)
        reference.seq.log_step.copy_(layer.log_step.view_as(reference.seq.log_step))
    return reference


def test_equals_s5_pytorch_with_a_step_per_token(layer):
    u = torch.randn(3, 40, 6)
    interval = torch.rand(3, 40) * 20
    interval[:, ::3] = 0
    ours, _ = layer(u, interval)
    reference = as_reference(layer).seq
    theirs = torch.stack([reference(x, step_scale=t) for x, t in zip(u, interval, strict=True)])
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-5)


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
    assert torch.isfinite(torch.view_as_real(last)).all()


def test_without_input_time_adds_up(layer):
    """Δ₁ then Δ₂ moves the state as Δ₁ + Δ₂ does."""
    state = torch.randn(1, 8, dtype=torch.complex64)
    _, twice = layer(torch.zeros(1, 2, 6), torch.tensor([[3.0, 4.5]]), state)
    _, once = layer(torch.zeros(1, 1, 6), torch.tensor([[7.5]]), state)
    torch.testing.assert_close(twice, once)
