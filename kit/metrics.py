"""What a process counts of itself, in Prometheus' terms. What the database knows is asked when somebody scrapes.

The processes below one `serve` share a directory, in which each keeps its figures in files of its own; whichever is
scraped answers for all. A process that is started again goes on where its predecessor ended.
"""

import os
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from prometheus_client.multiprocess import MultiProcessCollector

SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Counted:
    """Every figure. Labels are from closed lists, never what a client wrote: each value of one is kept for ever."""

    def __init__(self) -> None:
        self.directory: Path | None = None
        self._define(CollectorRegistry())

    def share(self, directory: Path, process: str) -> None:
        """Count in `directory` from now on, as `process`; the name has no `_`, and no two at a time have the same."""
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(directory)  # where the library looks, and nowhere else
        values.ValueClass = values.MultiProcessValue(lambda: process)  # type: ignore[no-untyped-call]
        self.directory = directory
        self._define(None)
        self.sockets.set(0)  # a process of this name may have died with some open

    def registry(self) -> CollectorRegistry:
        """What there is to tell, of all who share the directory."""
        if self.directory is None:
            return self._own
        shared = CollectorRegistry()
        MultiProcessCollector(shared, str(self.directory))  # type: ignore[no-untyped-call]
        return shared

    def _define(self, registry: CollectorRegistry | None) -> None:
        self._own = registry or CollectorRegistry()
        self.requests = Histogram(
            "academy_request_seconds",
            "HTTP requests by route and, for trusted documents, operation.",
            ["route", "operation"],
            registry=registry,
            buckets=SECONDS,
        )
        self.responses = Counter(
            "academy_responses", "HTTP responses by route and status.", ["route", "status"], registry=registry
        )
        self.errors = Counter(
            "academy_errors", "Errors and userErrors that clients were told.", ["code"], registry=registry
        )
        self.sockets = Gauge("academy_sockets", "Open WebSockets.", registry=registry, multiprocess_mode="sum")
        self.pool = Gauge(
            "academy_database_connections",
            "Connections of the pools, of those who looked last: used, idle.",
            ["state"],
            registry=registry,
            multiprocess_mode="sum",
        )
        self.pool_limit = Gauge(
            "academy_database_connections_limit",
            "Connections that these pools may open; one is opened when none is idle.",
            registry=registry,
            multiprocess_mode="sum",
        )
        self.pool_waits = Histogram(
            "academy_database_wait_seconds",
            "How long a task waited for a free connection of its pool.",
            registry=registry,
            buckets=SECONDS,
        )
        self.relayed = Counter("academy_relayed", "Outbox rows that were applied.", ["topic"], registry=registry)
        self.relay_failures = Counter(
            "academy_relay_failures", "Outbox rows that were put off.", ["topic"], registry=registry
        )
        self.ticks = Histogram(
            "academy_tick_seconds", "Background ticks.", ["tick"], registry=registry, buckets=(*SECONDS, 30.0, 60.0)
        )
        self.tick_failures = Counter(
            "academy_tick_failures", "Ticks that failed; each is tried again.", ["tick"], registry=registry
        )
        self.drift = Gauge(
            "academy_board_drift",
            "A sample of one board, this week's points of everyone, against the rows behind it: compared, differing.",
            ["standings"],
            registry=registry,
            multiprocess_mode="mostrecent",
        )


counted = Counted()
"""Of this process: a thing that libraries keep for themselves too, and nobody's decision depends on."""
