"""Warnings of Kedro's about what this project means."""

import logging

EXPECTED = (
    "attribute removed from dataset configuration",
    "is not supported for validation",
)


def is_news(record: logging.LogRecord) -> bool:
    """Tell whether a message of Kedro's is to be shown."""
    return not any(text in str(record.msg) for text in EXPECTED)
