"""Kedro's configuration loader with personal settings, and with experiments by their names."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from seqrec.experiments import CHOSEN_BY, read_experiment

PERSONAL = "local"
"""The folder of ``conf`` that git ignores: read in every environment, last."""


class PersonalConfigLoader(OmegaConfigLoader):
    """Base, the environment, ``conf/local``, the chosen experiment; ``--params`` overrides all.

    Kedro reads base and one environment, so settings in ``conf/local`` would count with
    ``--env local`` only. An experiment (`seqrec.experiments`) counts more than they do: a command
    names it. Kedro also reads every file anew whenever it is asked, a dozen times in a run; here a
    loader, which is a command's, reads them once.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._read: dict[str, dict[str, Any]] = {}
        super().__init__(*args, **kwargs)

    def __getitem__(self, key: str) -> dict[str, Any]:
        """Load a kind of configuration.

        Args:
            key: ``catalog``, ``parameters``, ``globals``, ``credentials``, ``logging``.

        Raises:
            KeyError: There is no such kind.
            MissingConfigException: There is no file of it.
        """
        if key in self:  # somebody has set it
            config: dict[str, Any] = super().__getitem__(key)
            return config
        asked = json.dumps([key, self.env, self.runtime_params], default=str)
        if asked not in self._read:
            self._read[asked] = self._load(key)
        return copy.deepcopy(self._read[asked])

    def _load(self, key: str) -> dict[str, Any]:
        config: dict[str, Any] = super().__getitem__(key)
        own = [part for part in (self._personal(key), self._of_experiment(key)) if part]
        if not own:
            return config
        last = self.runtime_params if key == "parameters" else {}
        merged = OmegaConf.to_container(OmegaConf.unsafe_merge(config, *own, last or {}))
        assert isinstance(merged, dict)  # noqa: S101 - for the type checker
        return {str(name): value for name, value in merged.items()}

    def _personal(self, key: str) -> dict[str, Any]:
        folder = Path(self.conf_source) / PERSONAL
        if not folder.is_dir() or PERSONAL in (self.env, self.base_env):
            return {}
        found: dict[str, Any] = self.load_and_merge_dir_config(
            str(folder), self.config_patterns[key], key, set(), key == "credentials"
        )
        return found

    def _of_experiment(self, key: str) -> dict[str, Any]:
        name = (self.runtime_params or {}).get(CHOSEN_BY)
        if name is None or key not in ("globals", "parameters"):
            return {}
        conf = str(Path(self._get_conf_env_path(self.base_env)).parent)
        return read_experiment(self._fs, conf, name).part_of(key)
