"""Column names, spelled once."""

USER = "user_id"
ITEM = "item_id"
RATING = "rating"
FILE_ORDER = "file_order"
"""Grows from row to row of the source."""
TIMESTAMP = "timestamp"
"""Seconds since 1970-01-01 UTC, exact int64."""

TITLE = "title"
YEAR = "year"
GENRES = "genres"

POSITION = "position"
"""Place of an interaction in its user's history, from 0; no ties."""
DELTA = "delta"
"""Seconds since the user's previous interaction; 0 for the first."""
FOLLOWING = "following"
"""Interactions of the user that follow, at most 2."""
SPLIT = "split"
"""What an interaction is for: one of `SPLITS`."""

TRAIN = "train"
VALID = "valid"
CONTEXT = "context"
"""History of the test interaction alone: neither learned nor ranked (temporal split)."""
TEST = "test"
VALID_TIED, TEST_TIED = "valid_tied", "test_tied"
"""In the same second as the held-out interaction, and also right (tie_policy ``group``)."""
SPLITS = (TRAIN, VALID, VALID_TIED, CONTEXT, TEST, TEST_TIED)
"""In order of time within each user."""
TIED_WITH = {VALID: VALID_TIED, TEST: TEST_TIED}
"""What follows each held-out interaction in its second."""

MASK = "mask"
"""Whether the history is taken out of the candidates: one of `MASKS`."""
MASKED = "masked"
UNMASKED = "unmasked"
MASKS = (MASKED, UNMASKED)

QUERY_TIME = "query_time"
"""Whether the model knows when the held-out interaction happens: one of `QUERY_TIMES`."""
KNOWN = "known"
UNKNOWN = "unknown"
QUERY_TIMES = (KNOWN, UNKNOWN)

RANK = "rank"
"""Rank of the held-out item, from 1; the mean rank among tied scores."""
CANDIDATES = "n_candidates"
"""Items the held-out item was ranked among, itself included."""

MOMENT = "moment"
"""When a list is asked for: a name of `recommend.moments`."""
PLACE = "place"
"""Place in a list, from 1."""
SCORE = "score"

SEED = "seed"
MODEL = "model"
EPOCH = "epoch"
