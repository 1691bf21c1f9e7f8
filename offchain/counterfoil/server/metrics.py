"""Prometheus metrics of one server."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from counterfoil.errors import CounterfoilError

from .logs import Logs

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)


class Metrics:
    """What is counted. Labels are routes and the repository's names, never what a client says."""

    def __init__(self, *, accepted: Callable[[], int], held: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        common: dict[str, Any] = {"registry": self._registry}
        self.requests = Counter(
            "counterfoil_http_requests", "Requests answered.", ["route", "status"], **common
        )
        self.inferences = Histogram(
            "counterfoil_inference_seconds",
            "From acceptance to answer, of inferences that were answered.",
            ["model", "version"],
            buckets=_SECONDS,
            **common,
        )
        self.receipts = Counter("counterfoil_receipts_sealed", "Receipts given out.", **common)
        self.unsealed = Counter("counterfoil_inferences_unsealed", "Answers without one.", **common)
        self.seal_failures = Counter(
            "counterfoil_seal_failures", "Inferences refused as they could not be sealed.", **common
        )
        Gauge("counterfoil_inferences_accepted", "Under way.", **common).set_function(accepted)
        Gauge("counterfoil_bodies_bytes", "Of bodies under way.", **common).set_function(held)

    def follow(self, logs: Logs, streams: Callable[[], int]) -> None:
        """Show the journals' state too, and how many follow it."""
        self._registry.register(_Journals(logs))
        gauge = Gauge("counterfoil_event_streams", "Open.", registry=self._registry)
        gauge.set_function(streams)

    def settling(self, problem: Callable[[], bool]) -> None:
        """Show whether settling in the background is in trouble."""
        gauge = Gauge(
            "counterfoil_settling_trouble", "1: nothing is settled now.", registry=self._registry
        )
        gauge.set_function(lambda: float(problem()))

    def page(self) -> bytes:
        """What Prometheus reads."""
        return generate_latest(self._registry)


class _Journals(Collector):
    def __init__(self, logs: Logs) -> None:
        self._logs = logs

    def describe(self) -> Iterable[Any]:
        """Nothing is read before somebody asks."""
        return ()

    def collect(self) -> Iterable[Any]:
        """The journals' figures, as of now."""
        sealed = GaugeMetricFamily(
            "counterfoil_log_sealed", "Receipts of a log.", labels=["signer"]
        )
        pending = GaugeMetricFamily(
            "counterfoil_log_pending", "Receipts in no batch yet.", labels=["signer"]
        )
        try:
            for journal in self._logs.journals():
                sealed.add_metric([journal.signer], journal.next_sequence())
                pending.add_metric([journal.signer], journal.pending().count)
        except CounterfoilError:  # the readiness probe tells why
            return ()
        return (sealed, pending)
