"""Discord: who started a run on a rented machine hears what becomes of it."""

from __future__ import annotations

import logging
import os
import queue
import threading
import time
from typing import Any

import requests
from kedro.framework.context import KedroContext
from kedro.framework.hooks import hook_impl
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

from seqrec.hooks.provenance import name_device
from seqrec.hooks.run_facts import CALLBACKS, dataset_name, first_process, harmless, headline
from seqrec.parameter_tree import Parameters
from seqrec.services import WEBHOOK, one_line, redact
from seqrec.terminal.words import count
from seqrec.training.callbacks import EpochEnd

logger = logging.getLogger(__name__)

LONGEST = 1900
"""Characters of a message; Discord takes 2,000."""

CLOSING_SECONDS = 20.0


class Discord:
    """Posts messages from a thread of its own: slow or dead, it never holds a run up.

    Args:
        url: The webhook; it is a secret and is never shown.
        attempts: Tries of a message, with growing pauses; Discord's own wish to wait is heeded.
    """

    def __init__(self, url: str, attempts: int = 5) -> None:
        self._url = url
        self._session = requests.Session()
        retry = Retry(
            total=attempts - 1,
            backoff_factor=0.5,
            status_forcelist=(429, 500, 502, 503, 504),
            allowed_methods={"POST"},
            respect_retry_after_header=True,
        )
        for scheme in ("https://", "http://"):
            self._session.mount(scheme, HTTPAdapter(max_retries=retry))
        # urllib3 writes the address into its own warnings.
        logging.getLogger("urllib3.connectionpool").setLevel(logging.ERROR)
        self._messages: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="discord", daemon=True)
        self._thread.start()

    def post(self, text: str) -> None:
        """Send a message soon."""
        self._messages.put(redact(text)[:LONGEST])

    def close(self, seconds: float = CLOSING_SECONDS) -> None:
        """Wait for what is on its way, but not for long."""
        self._messages.put(None)
        self._thread.join(seconds)
        if self._thread.is_alive():
            logger.warning("Discord is slow: its last messages are given up")

    def _work(self) -> None:
        while (text := self._messages.get()) is not None:
            body: dict[str, Any] = {"content": text, "allowed_mentions": {"parse": []}}
            try:
                # A redirection would hand the message to whoever is named there.
                answer = self._session.post(
                    self._url, json=body, timeout=10, allow_redirects=False
                )
                if answer.status_code >= 300:
                    logger.warning("Discord refused a message (HTTP %d)", answer.status_code)
            except (requests.RequestException, ValueError) as error:
                logger.warning("Discord was not reached (%s)", type(error).__name__)


class NotificationHooks:
    """Say that a run has started, has a new best, is finished or has failed."""

    def __init__(self) -> None:
        self._discord: Discord | None = None
        self._told_at: dict[str, float] = {}

    @hook_impl
    def after_context_created(self, context: KedroContext) -> None:
        """Remember the parameters; `PreflightHooks` has checked them."""
        self._parameters = Parameters.model_validate(context.config_loader["parameters"])
        self._env = context.env or "smoke"

    @hook_impl(trylast=True)
    @harmless
    def before_pipeline_run(
        self, run_params: dict[str, Any], pipeline: Pipeline, catalog: DataCatalog
    ) -> None:
        """Say what starts where."""
        url = os.environ.get(WEBHOOK)
        if not (url and self._parameters.notifications.enabled and first_process()):
            return
        self._discord, self._told_at, self._table = Discord(url), {}, ""
        self._subject = f"**{dataset_name(catalog)}** ({self._env}, {run_params['run_id']})"
        expected = catalog.load("preflight").get("expected") if _known(catalog) else None
        nodes = count(len(pipeline.nodes), "node")
        self._discord.post(
            f"{self._subject}: started on {name_device()}, {nodes}"
            + (f", expected to take {expected}" if expected else "")
        )
        catalog[CALLBACKS].load().add(self._tell_best)

    @hook_impl
    @harmless
    def after_dataset_saved(self, dataset_name: str, data: Any) -> None:
        """Keep the table for the last message."""
        if self._discord and dataset_name == "comparison":
            columns = ["HR@10", "NDCG@10", "MRR@10"]
            table = headline(data, self._parameters)
            shown = table[[name for name in columns if name in table]]
            self._table = f"\n```\n{shown.to_string()}\n```"
        if self._discord and dataset_name.endswith(".trials"):
            self._discord.post(f"{self._subject}: {_search_line(dataset_name, data)}")

    @hook_impl
    @harmless
    def after_pipeline_run(self) -> None:
        """Say how it ended."""
        if self._discord:
            self._end(f"finished{self._table}")

    @hook_impl
    @harmless
    def on_pipeline_error(self, error: Exception) -> None:
        """Say what went wrong and how to go on."""
        if self._discord:
            again = "the same command again: a training goes on from its last checkpoint"
            self._end(f"stopped: {one_line(error)}\n{again}")

    @harmless
    def _tell_best(self, event: EpochEnd) -> None:
        """Report a new best, but not every one."""
        last = self._told_at.get(event.model, -float("inf"))
        if not event.best or time.monotonic() - last < self._pause():
            return
        self._told_at[event.model] = time.monotonic()
        if self._discord:
            self._discord.post(
                f"{self._subject}: {event.model} has a new best, "
                f"valid {event.metric} {event.score:.4f} in epoch {event.epoch}"
            )

    def _pause(self) -> float:
        return 60 * self._parameters.notifications.best_minutes

    def _end(self, what: str) -> None:
        discord, self._discord = self._discord, None
        if discord:
            discord.post(f"{self._subject}: {what}")
            discord.close()


def _search_line(dataset_name: str, trials: Any) -> str:
    """Sum a search up: how many trials there are, and the best."""
    model = dataset_name.removesuffix(".trials")
    best = trials["valid_metric"].max()
    return f"search of {model}: {len(trials)} trials, best validation {best:.4f}"


def _known(catalog: DataCatalog) -> bool:
    return "preflight" in catalog and catalog.exists("preflight")
