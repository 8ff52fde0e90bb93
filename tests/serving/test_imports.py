"""A process that serves a model does without the frameworks that trained it."""

import json
import subprocess
import sys

UNWANTED = (
    "kedro",
    "recbole",
    "ray",
    "triton",
    "pandas",
    "ibis",
    "duckdb",
    "s5",
    "wandb",
    "click",
)


def test_a_fresh_process_recommends_without_kedro_recbole_or_triton(home):
    """Every kind of network, and their histories."""
    places = [str(home.model(name)) for name in ("ss4rec", "ss4rec_plus", "sasrec", "ncf")]
    code = f"""
import json, sys
from seqrec import Recommender
for place in {places!r}:
    r = Recommender.load(place)
    r.recommend(user="3", k=3)
    if r.reads_histories:
        r.session([("3", 10)]).recommend()
        r.explain("5", [("3", 10), ("4", 20)])
print(json.dumps(sorted({{name.split(".")[0] for name in sys.modules}})))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    loaded = json.loads(done.stdout)
    assert "torch" in loaded
    assert [name for name in UNWANTED if name in loaded] == []
