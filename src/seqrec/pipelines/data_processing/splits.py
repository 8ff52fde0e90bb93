"""What is held out: protocols as expressions."""

from __future__ import annotations

import ibis
from ibis import _

from seqrec.errors import ProjectError
from seqrec.parameters import DataProcessing
from seqrec.parameters.data import as_seconds
from seqrec.tables import columns as c


def nothing(histories: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Hold nothing out: the model that is trained then is used, not measured."""
    return histories.mutate(**{c.SPLIT: ibis.literal(c.TRAIN)})


def leave_one_out(histories: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Hold out each user's last interaction for test, the one before for validation.

    With the tie policy ``group``, seconds are held out instead: the first interaction of a user's
    last second stands for it, and the others of that second count as correct too. A user's first
    second is never held out.
    """
    if data_processing.tie_policy == "group":
        return _leave_one_second_out(histories)
    after = _[c.FOLLOWING]
    split = ibis.cases((after == 0, c.TEST), (after == 1, c.VALID), else_=c.TRAIN)
    return histories.mutate(**{c.SPLIT: split})


def _leave_one_second_out(histories: ibis.Table) -> ibis.Table:
    time = _[c.TIMESTAMP]
    seconds = {
        "before": ibis.dense_rank().over(ibis.window(group_by=c.USER, order_by=time)),
        "after": ibis.dense_rank().over(ibis.window(group_by=c.USER, order_by=time.desc())),
    }
    held_out = (_["before"] > 0) & (_["after"] < 2)
    first = _[c.DELTA] > 0
    last = _["after"] == 0
    split = ibis.cases(
        (~held_out, c.TRAIN),
        (last & first, c.TEST),
        (last, c.TEST_TIED),
        (first, c.VALID),
        else_=c.VALID_TIED,
    )
    return histories.mutate(**seconds).mutate(**{c.SPLIT: split})


def temporal(histories: ibis.Table, data_processing: DataProcessing) -> ibis.Table:
    """Split at two times that are the same for all users.

    What happened before `valid_from` is training. Each user's first interaction from `valid_from`
    on is held out for validation, the first from `test_from` on for test, with everything before
    it as history. With the tie policy ``group``, interactions in its second count as correct too.
    What a user did after the test interaction is left out, and so are users without a history at
    that time.

    Raises:
        ProjectError: No user has a test interaction.
    """
    periods = _in_periods(histories, *cuts(histories, data_processing))
    # A user's very first interaction cannot be predicted: there is no history to predict it from.
    has_history = _["begins_at"] > 0
    first = has_history & (_[c.POSITION] == _["begins_at"])
    by_group = data_processing.tie_policy == "group"
    right = has_history & (_[c.TIMESTAMP] == _["begins"]) if by_group else first
    split = ibis.cases(
        (_["period"] == 0, c.TRAIN),
        (first & (_["period"] == 1), c.VALID),
        (right & (_["period"] == 1), c.VALID_TIED),
        (_["period"] == 1, c.CONTEXT),
        (first, c.TEST),
        else_=c.TEST_TIED,
    )
    kept = periods.filter((_["period"] < 2) | right).mutate(**{c.SPLIT: split})
    if not int(kept.filter(_[c.SPLIT] == c.TEST).count().execute()):
        raise ProjectError(
            "no user has interactions before and after data_processing.test_from: move it"
        )
    return kept


def _in_periods(histories: ibis.Table, valid_from: int, test_from: int) -> ibis.Table:
    """Add each interaction's period, 0 to 2, and where and when the user's part of it begins."""
    time = _[c.TIMESTAMP]
    period = ibis.cases((time < valid_from, 0), (time < test_from, 1), else_=2)
    within = ibis.window(group_by=[c.USER, "period"], order_by=c.POSITION)
    begin = {"begins_at": _[c.POSITION].first(), "begins": time.first()}
    columns = {name: value.over(within) for name, value in begin.items()}
    return histories.mutate(period=period).mutate(**columns)


def cuts(histories: ibis.Table, data_processing: DataProcessing) -> tuple[int, int]:
    """Return `valid_from` and `test_from` in seconds: quantiles of all times, or dates."""
    wanted = (data_processing.valid_from, data_processing.test_from)
    quantiles = [value for value in wanted if isinstance(value, float)]
    found = iter(())
    if quantiles:
        times = {f"q{i}": _[c.TIMESTAMP].quantile(q) for i, q in enumerate(quantiles)}
        found = iter(histories.agg(**times).to_pandas().iloc[0].astype("int64").tolist())
    valid_from, test_from = (
        next(found) if isinstance(value, float) else as_seconds(value) for value in wanted
    )
    if not valid_from < test_from:
        raise ProjectError("data_processing.valid_from must lie before data_processing.test_from")
    return valid_from, test_from


PROTOCOLS = {"leave_one_out": leave_one_out, "temporal": temporal, "all": nothing}
"""By the name that `DataProcessing.split` gives them."""
