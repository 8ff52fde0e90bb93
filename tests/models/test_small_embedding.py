import pytest
import torch
import torch.nn.functional as F

from seqrec.models.small_embedding import SmallEmbedding, look_up

CUDA_ONLY = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]
DEVICES = ["cpu", pytest.param("cuda", marks=CUDA_ONLY)]


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("shape", [(4000,), (3, 50), (1, 1)])
def test_rows_and_their_gradients_are_those_of_an_embedding(device, shape):
    torch.manual_seed(0)
    table = torch.randn(66, 8, device=device, requires_grad=True)
    ids = torch.randint(66, shape, device=device, dtype=torch.int32)
    arriving = torch.randn(*shape, 8, device=device)
    ours, theirs = look_up(table, ids), F.embedding(ids, table)
    assert torch.equal(ours, theirs)
    (mine,) = torch.autograd.grad(ours, table, arriving)
    (reference,) = torch.autograd.grad(theirs, table, arriving)
    torch.testing.assert_close(mine, reference, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("device", DEVICES)
def test_a_table_is_an_embedding_to_those_who_save_it(device):
    small, usual = SmallEmbedding(5, 4).to(device), torch.nn.Embedding(5, 4).to(device)
    small.load_state_dict(usual.state_dict())
    ids = torch.arange(5, device=device)
    assert torch.equal(small(ids), usual(ids))
