"""Build what RecBole needs, for tests."""

from recbole.utils import init_seed

from seqrec.recbole_bridge.config import build_config
from seqrec.recbole_bridge.loaders import build_loaders
from seqrec.recbole_bridge.recommenders import RECOMMENDERS
from tests.conftest import CPU, MODEL_OF, training


def config_of(name, files, model=None, **changes):
    model = model or MODEL_OF[name]()
    return build_config(name, RECOMMENDERS[name], files, model, training(name, **changes), CPU)


def loaders_of(name, files, model=None, **changes):
    return build_loaders(config_of(name, files, model, **changes), files)


def recommender_of(name, loaders):
    init_seed(5, True)
    return RECOMMENDERS[name](loaders.train.config, loaders.dataset)


def whole(loader):
    """All rows of a train loader in one batch."""
    loader.config["rows_per_step"] = 10**6
    loader.start(0)
    ((part,),) = loader.parts(0)
    return loader.expand(part)


def only(loader):
    """All rows of a held-out loader in one batch."""
    loader.config["eval_users"] = 10**6
    ((interaction, _, _, _),) = loader
    return interaction
