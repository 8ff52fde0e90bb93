"""Which store an address names."""

from __future__ import annotations

from seqrec.serving.service.stores import Store


def open_store(url: str, seconds: float) -> Store:
    """Open a store.

    Args:
        url: ``sqlite:<file>`` or an address of Redis.
        seconds: After which a silent session is dropped, where the store does that itself.

    Raises:
        ProjectError: It cannot be reached or is no store.
    """
    if url.startswith("sqlite:"):
        from seqrec.serving.service.sqlite_store import SQLiteStore

        return SQLiteStore(url.removeprefix("sqlite:"))
    from seqrec.serving.service.redis_store import RedisStore

    return RedisStore(url, int(seconds))
