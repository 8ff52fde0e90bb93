"""What Prometheus is told."""

from __future__ import annotations

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 5.0)
TYPE = CONTENT_TYPE_LATEST
DIRECTORY = "PROMETHEUS_MULTIPROC_DIR"
"""Variable that names the folder in which several workers add up."""


class Metrics:
    """Counters of one worker.

    Attributes:
        requests: By path and status.
        seconds: Until the answer, by path.
        events: That were kept.
        batch: Sessions that were scored together.
        refused_versions: Of each model, that could not be loaded.
        states: Sessions whose states are in memory, by model.
    """

    def __init__(self) -> None:
        self._own = CollectorRegistry()
        labels = ["path"]
        self.requests = Counter(
            "seqrec_requests", "Requests", [*labels, "status"], registry=self._own
        )
        self.seconds = Histogram(
            "seqrec_request_seconds",
            "Seconds until the answer",
            labels,
            buckets=_SECONDS,
            registry=self._own,
        )
        self.events = Counter("seqrec_events", "Events kept", registry=self._own)
        self.batch = Histogram(
            "seqrec_batch_sessions",
            "Sessions scored together",
            buckets=(1, 2, 4, 8, 16, 32, 64),
            registry=self._own,
        )
        self.refused_versions = Counter(
            "seqrec_refused_versions", "Versions that cannot be loaded", ["model"],
            registry=self._own,
        )  # fmt: skip
        self.states = Gauge(
            "seqrec_states", "Sessions whose states are in memory", ["model"],
            registry=self._own, multiprocess_mode="livesum",
        )  # fmt: skip

    def text(self) -> bytes:
        """Return the counters of all workers in Prometheus' format."""
        registry = self._own
        if os.environ.get(DIRECTORY):
            registry = CollectorRegistry()
            MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
