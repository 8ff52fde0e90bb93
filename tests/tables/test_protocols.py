"""One place decides which rows belong to a protocol."""

import re

import pandas as pd
import pytest

from seqrec.parameters import Evaluation
from seqrec.tables import columns as c
from seqrec.tables.protocols import at, at_headline
from tests.conftest import ROOT

PROTOCOLS = [(mask, query_time) for mask in c.MASKS for query_time in c.QUERY_TIMES]
TABLE = pd.DataFrame(
    [(mask, query_time, user) for mask, query_time in PROTOCOLS for user in "ab"],
    columns=[c.MASK, c.QUERY_TIME, c.USER],
)


@pytest.mark.parametrize(("mask", "query_time"), PROTOCOLS)
def test_a_protocol_is_its_own_rows(mask, query_time):
    chosen = at(TABLE, mask, query_time)
    assert chosen[c.USER].tolist() == ["a", "b"]
    assert set(zip(chosen[c.MASK], chosen[c.QUERY_TIME], strict=True)) == {(mask, query_time)}
    options = Evaluation(headline_mask=mask, headline_query_time=query_time)
    pd.testing.assert_frame_equal(at_headline(TABLE, options), chosen)


FILTER = re.compile(r"(MASK|QUERY_TIME|mask|query_time)\"?\]\s*==")


def test_no_other_module_filters_by_protocol():
    modules = (ROOT / "src" / "seqrec").rglob("*.py")
    found = {path.name for path in modules if FILTER.search(path.read_text(encoding="utf-8"))}
    assert found == {"protocols.py"}
