"""One pass over a window and RecBole's one sample per prefix are the same training signal."""

import pytest
import torch

from seqrec.histories.batches import DELTA_LIST, NEGATIVE_LIST, TARGET_LIST
from seqrec.tables import columns as c
from tests.recbole_bridge.helpers import loaders_of, whole


def same_negatives(batch):
    """Give each (user, target) one negative, whatever the mode."""
    targets = batch[TARGET_LIST]
    return {**batch, NEGATIVE_LIST: ((targets * 5 + batch[c.USER][:, None]) % 17 + 1)[..., None]}


@pytest.mark.parametrize("loss_type", ["CE", "BPR"])
def test_both_modes_give_the_same_loss_and_gradients(files, loss_type):
    results = []
    for mode in ("sequence", "prefix"):
        loaders = loaders_of("ss4rec", files, training_mode=mode, loss_type=loss_type)
        model = loaders.parts.recommender.double()
        batch = same_negatives(whole(loaders.train))
        batch[DELTA_LIST] = batch[DELTA_LIST].double()
        loss = model.calculate_loss(batch)
        loss.backward()
        results.append((loss.detach(), {n: p.grad for n, p in model.named_parameters()}))
    (loss, gradients), (prefix_loss, prefix_gradients) = results
    torch.testing.assert_close(loss, prefix_loss)
    for name, gradient in gradients.items():
        torch.testing.assert_close(gradient, prefix_gradients[name], msg=name)


def test_a_batch_of_prefixes_has_a_target_each(files):
    loaders = loaders_of("ss4rec", files, training_mode="prefix")
    batch = whole(loaders.train)
    assert ((batch[TARGET_LIST] > 0).sum(1) == 1).all()
    last = batch["item_length"][:, None] - 1
    assert (batch[TARGET_LIST].gather(1, last) > 0).all()
