"""Counts of one API process, in Prometheus' text form.

Each worker process counts for itself: whoever scrapes a service of several workers gets one of
them, the label `pid` says which. Counting is a dictionary's addition, for the hot path is counted.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from registry.ports import Stamped

SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics(Collector):
    """What one process has done; used from its event loop alone."""

    def __init__(self) -> None:
        self.requests: dict[tuple[str, int], int] = defaultdict(int)
        self.entries: dict[str, int] = defaultdict(int)
        self.seconds: dict[str, list[int]] = {}
        self.seconds_sum: dict[str, float] = defaultdict(float)
        self.size = 0
        self.published_size = 0
        self.stamps: Sequence[Stamped] = ()
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def count(self, route: str, status: int, seconds: float) -> None:
        """Note one answered request."""
        self.requests[route, status] += 1
        buckets = self.seconds.get(route)
        if buckets is None:
            buckets = self.seconds[route] = [0] * (len(SECONDS) + 1)
        buckets[bisect_left(SECONDS, seconds)] += 1
        self.seconds_sum[route] += seconds

    def text(self) -> bytes:
        """All counts in the text form."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """For prometheus-client."""
        pid = str(os.getpid())
        requests = CounterMetricFamily(
            "tanbu_http_requests", "Requests answered.", labels=("pid", "route", "status")
        )
        for (route, status), number in list(self.requests.items()):
            requests.add_metric((pid, route, str(status)), number)
        yield requests
        entries = CounterMetricFamily(
            "tanbu_entries", "Entries submitted, by outcome.", labels=("pid", "outcome")
        )
        for outcome, number in list(self.entries.items()):
            entries.add_metric((pid, outcome), number)
        yield entries
        yield self._histogram(pid)
        for name, value, text in (
            ("tanbu_log_size", self.size, "Committed records."),
            ("tanbu_published_size", self.published_size, "Records below the newest checkpoint."),
        ):
            gauge = GaugeMetricFamily(name, text, labels=("pid",))
            gauge.add_metric((pid,), value)
            yield gauge
        yield from self._stamps(pid)

    def _stamps(self, pid: str) -> Iterator[Metric]:
        labels = ("pid", "authority")
        size = GaugeMetricFamily(
            "tanbu_stamped_size", "Records below the checkpoint stamped last.", labels=labels
        )
        time_s = GaugeMetricFamily(
            "tanbu_stamp_timestamp_seconds", "Time of the newest time stamp.", labels=labels
        )
        for stamped in self.stamps:
            size.add_metric((pid, stamped.authority), stamped.size)
            time_s.add_metric((pid, stamped.authority), stamped.time_ms / 1000)
        yield size
        yield time_s

    def _histogram(self, pid: str) -> Metric:
        family = HistogramMetricFamily(
            "tanbu_http_seconds", "Time to the end of the answer.", labels=("pid", "route")
        )
        for route, buckets in list(self.seconds.items()):
            total = 0
            cumulated: list[tuple[str, float]] = []
            for limit, number in zip((*map(str, SECONDS), "+Inf"), buckets, strict=True):
                total += number
                cumulated.append((limit, total))
            family.add_metric((pid, route), cumulated, self.seconds_sum[route])
        return family
