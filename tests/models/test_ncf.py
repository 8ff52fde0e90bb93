import pytest
import torch

from seqrec.models.ncf import NeuMF
from tests.conftest import ncf_model


@pytest.mark.parametrize("widths", [(16,), (16, 8, 4)])
def test_scoring_all_items_equals_scoring_pairs(widths):
    torch.manual_seed(0)
    network = NeuMF(ncf_model(mlp_hidden_sizes=widths), n_users=5, n_items=9).eval()
    users = torch.tensor([1, 4, 2])
    pairs = network(users.repeat_interleave(9), torch.arange(9).repeat(3)).view(3, 9)
    torch.testing.assert_close(network.score(users), pairs)
