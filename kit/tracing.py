"""Traces by OpenTelemetry, for whoever names a collector. Without one a span is a function call and nothing more.

A span says what was done, how long it took and how it ended; never with which values: those are people's.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.sampling import ParentBased, TraceIdRatioBased
from opentelemetry.trace import NoOpTracer, Span, SpanKind, StatusCode, Tracer

NAME = "growth-academy"

__all__ = ["Span", "SpanKind", "tracing"]


class Tracing:
    """The tracer of this process; a collector that is away costs the spans it would have got, and nobody waits."""

    def __init__(self) -> None:
        self._provider: TracerProvider | None = None
        self._tracer: Tracer = NoOpTracer()

    def open(self, endpoint: str, ratio: float) -> None:
        """Send to `endpoint`, an OTLP collector's address over HTTP, this share of all traces; after any fork."""
        self._provider = TracerProvider(
            resource=Resource.create({"service.name": NAME}),
            sampler=ParentBased(TraceIdRatioBased(ratio)),
            shutdown_on_exit=False,
        )
        exporter = OTLPSpanExporter(endpoint=f"{endpoint.rstrip('/')}/v1/traces", timeout=5)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer(NAME)

    def close(self) -> None:
        """Send what is left, for some seconds at most; blocks."""
        if self._provider is not None:
            self._provider.shutdown()
        self._provider, self._tracer = None, NoOpTracer()

    @contextmanager
    def span(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: dict[str, str | int] | None = None
    ) -> Iterator[Span]:
        """A span around a block, below the one that is open. An exception marks it with its kind, not its text."""
        with self._tracer.start_as_current_span(
            name, kind=kind, attributes=attributes, record_exception=False, set_status_on_exception=False
        ) as span:
            try:
                yield span
            except Exception as error:
                span.set_status(StatusCode.ERROR, type(error).__name__)
                raise


tracing = Tracing()
"""Of this process, as OpenTelemetry has it; nobody's decision depends on it."""
