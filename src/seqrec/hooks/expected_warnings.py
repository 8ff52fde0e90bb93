"""Lines of Kedro's about what this project means, or tells in a line of its own."""

import logging
import sys

from seqrec.errors import own_error

EXPECTED = (
    "attribute removed from dataset configuration",
    "is not supported for validation",
    "Replacing dataset '",
)
OF_AN_ERROR = (" failed with error: ", "No nodes ran.", "nodes that have not run.")
"""What Kedro adds to an error. A `ProjectError` is one line that says what to do."""


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a message of Kedro's is to be shown."""
    message = record.getMessage()
    if own_error(sys.exception()) and any(text in message for text in OF_AN_ERROR):
        return False
    return not any(text in message for text in EXPECTED)
