"""Warnings of Kedro's about what this project means."""

import logging

EXPECTED = (
    "attribute removed from dataset configuration",
    "is not supported for validation",
    "Replacing dataset 'ensemble.",
)


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a message of Kedro's is to be shown."""
    return not any(text in record.getMessage() for text in EXPECTED)
