"""Traces in OpenTelemetry, sent where OTEL_EXPORTER_OTLP_ENDPOINT says; without it none of the SDK is imported.

FastAPI itself makes a span of each request, `aws_calls` one of each call of AWS, `worker` one of each attempt at a
job; they ask the API of OpenTelemetry alone, which does nothing until a provider is set. Attributes hold ids of jobs
and patterns of routes, nothing that somebody typed: an address may hold a token, a name or a cursor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from opentelemetry.trace import Span, SpanKind, StatusCode

from ecg_api.errors import ApiError

EXPORT_S = 5.0
"""How long a collector may take to answer; also what the process waits for it when it ends."""

_QUIET = frozenset({"/health", "/api/health", "/ready"})
_TYPED = ("url.path", "url.query")
"""What FastAPI takes from the address. `http.route` says which route it was."""


@dataclass(frozen=True, slots=True)
class Traces:
    """What FastAPI is told about traces, and how to send the last of them; `end` blocks."""

    telemetry: TelemetryConfig
    end: Callable[[], None]


# Metrics are in the log already (`metrics`), and the log has the errors.
_NOTHING: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False, "auto_configure": False}

NO_TRACES = Traces(_NOTHING, lambda: None)


@contextmanager
def attempt(job_id: str, number: int) -> Iterator[Span]:
    """Make a span of an attempt at a job: it is where a trace of the worker begins."""
    tracer = trace.get_tracer("ecg_api")
    with tracer.start_as_current_span("attempt", record_exception=False, set_status_on_exception=False) as span:
        span.set_attributes({"ecg.job_id": job_id, "ecg.attempt": number})
        yield span


@contextmanager
def part(name: str) -> Iterator[None]:
    """Make a span of a call within the work that is traced; none where there is none, as when the worker polls."""
    if not trace.get_current_span().is_recording():
        yield
        return
    tracer = trace.get_tracer("ecg_api")
    with tracer.start_as_current_span(
        name, kind=SpanKind.CLIENT, record_exception=False, set_status_on_exception=False
    ) as span:
        try:
            yield
        except Exception as error:
            span.set_attribute("error.type", type(error).__name__)
            if isinstance(error, ApiError):  # any other is an answer that the caller expects
                span.set_status(StatusCode.ERROR)
            raise


def note_job(job_id: str) -> None:
    """Have the span of the request under way name the job that it is about."""
    trace.get_current_span().set_attribute("ecg.job_id", job_id)


def trace_id() -> str | None:
    """Return the id of the trace under way, as collectors show it."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None


def exported(environment: str) -> Traces:
    """Begin to trace this process, as OpenTelemetry's own OTEL_* variables say."""
    from opentelemetry.context import Context
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import Span as SdkSpan
    from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    class Untyped(SpanProcessor):
        """Takes out of a span what came from somebody's address."""

        def on_start(self, span: SdkSpan, parent_context: Context | None = None) -> None:  # noqa: ARG002
            for name in _TYPED:
                if name in (span.attributes or {}):
                    span.set_attribute(name, "-")

    resource = Resource.create({"service.name": "ecg-api", "deployment.environment.name": environment})
    # Ended by the application: uvicorn dies of the signal that stopped it, and runs nothing at exit.
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(Untyped())
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(timeout=EXPORT_S)))
    trace.set_tracer_provider(provider)
    telemetry: TelemetryConfig = {
        **_NOTHING,
        "tracing": True,
        "operation_spans": False,
        "exclude": lambda scope: scope.get("path") in _QUIET,
    }
    return Traces(telemetry, provider.shutdown)
