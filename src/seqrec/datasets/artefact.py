"""Any dataset of Kedro's as an artefact: whole, checked, and with a manifest."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import pandas as pd
from kedro.io import AbstractDataset, Version

from seqrec.datasets.versions import ManifestDataset

FACTS = "facts"
"""The entry of a table's `attrs` that says what it came from."""


class ArtefactDataset(ManifestDataset[Any, Any]):
    """A dataset of Kedro's whose files appear whole or not at all, and are checked on load.

    What a manifest says about a table's origin is in the table's ``attrs["facts"]``, on saving
    and on loading, whatever the file's format. A JSON object says it itself, under ``facts``.

    Args:
        filepath: The file, or the folder of its versions.
        dataset: The wrapped dataset's `type` and options, without `filepath`.
        version: Set by Kedro.
        metadata: Passed through for Kedro plugins.
    """

    def __init__(
        self,
        *,
        filepath: str,
        dataset: dict[str, Any],
        version: Version | None = None,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(filepath=filepath, version=version, metadata=metadata)
        self._dataset = dataset

    def _wrapped(self, path: Path) -> Any:
        config = {**self._dataset, "filepath": str(path)}
        return AbstractDataset.from_config(self.name or path.name, config)

    def _read(self, path: Path) -> Any:
        return self._wrapped(path).load()

    def _write(self, data: Any, path: Path) -> None:
        self._wrapped(path).save(_without_facts(data))

    def _facts_of(self, data: Any) -> dict[str, Any]:
        if isinstance(data, pd.DataFrame):
            return dict(data.attrs.get(FACTS, {}))
        return dict(data.get(FACTS, {})) if isinstance(data, dict) else {}

    def _with_facts(self, data: Any, facts: dict[str, Any]) -> Any:
        if isinstance(data, pd.DataFrame):
            data.attrs[FACTS] = facts
        return data

    def __getattr__(self, name: str) -> Any:
        """Have a preview if the wrapped dataset has one: kedro-viz asks, and reads its type."""
        if name != "preview" or "_dataset" not in self.__dict__:
            raise AttributeError(f"{type(self).__name__} has no {name!r}")
        own = self._wrapped(Path(self._filepath)).preview

        @functools.wraps(own)
        def preview(*args: Any, **kwargs: Any) -> Any:
            path = Path(self._get_load_path())
            self._checked_facts(path)
            return self._wrapped(path).preview(*args, **kwargs)

        return preview

    def _describe(self) -> dict[str, Any]:
        return {**super()._describe(), "dataset": self._dataset["type"]}


def _without_facts(data: Any) -> Any:
    """Leave the facts to the manifest: Parquet would keep them a second time."""
    if not isinstance(data, pd.DataFrame) or FACTS not in data.attrs:
        return data
    plain = data.copy(deep=False)
    plain.attrs = {name: value for name, value in data.attrs.items() if name != FACTS}
    return plain
