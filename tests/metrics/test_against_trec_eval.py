"""Our metrics are those of trec_eval, the field's reference for fifty years."""

import numpy as np
import pytest
import pytrec_eval

from seqrec.metrics.ranking import metric_table


@pytest.mark.parametrize("k", [1, 5, 10, 20])
def test_every_users_metrics_equal_trec_evals(k):
    generator = np.random.default_rng(k)
    scores = generator.normal(size=(300, 40))
    targets = generator.integers(0, 40, 300)
    ranks = (scores > scores[np.arange(300), targets][:, None]).sum(axis=1) + 1
    ours = metric_table(ranks, (k,))

    relevant = {str(u): {f"d{target}": 1} for u, target in enumerate(targets)}
    listed = {
        str(u): {f"d{i}": float(row[i]) for i in np.argsort(-row)[:k]}
        for u, row in enumerate(scores)
    }
    measures = {f"success_{k}", f"ndcg_cut_{k}", "recip_rank"}
    theirs = pytrec_eval.RelevanceEvaluator(relevant, measures).evaluate(listed)
    for name, measure in (
        ("HR", f"success_{k}"),
        ("NDCG", f"ndcg_cut_{k}"),
        ("MRR", "recip_rank"),
    ):
        expected = [theirs[str(u)][measure] for u in range(300)]
        assert ours[f"{name}@{k}"].to_numpy() == pytest.approx(expected)
