import logging

import pytest

from seqrec.errors import ProjectError
from seqrec.hooks.expected_warnings import is_news

TEXTS = (
    "Node train: train_ncf([a]) -> [b] failed with error: \nno such column",
    "No nodes ran. Repeat the previous command to attempt a new run.",
    "There are 2 nodes that have not run.\nYou can resume",
)


def record(text):
    return logging.LogRecord("kedro.pipeline.node", logging.ERROR, "", 0, text, (), None)


@pytest.mark.parametrize("text", TEXTS)
def test_a_plain_error_is_told_once_and_any_other_as_kedro_tells_it(text):
    assert is_news(record(text))
    try:
        raise RuntimeError("of a catalog") from ProjectError("no such column")
    except RuntimeError:
        assert not is_news(record(text))
        assert is_news(record("something else"))
    try:
        raise ValueError("unexpected")
    except ValueError:
        assert is_news(record(text))
