"""Traces go to the collector that was named, and tell nothing about people."""

import asyncio
import gzip
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.ports import Ports
from tests.phone import Phone
from tests.process import Serving

NUMBER = "+8613900000001"


class Collector:
    """A place that takes OTLP over HTTP."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []
        bodies = self.bodies

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                bodies.append(gzip.decompress(body) if self.headers.get("content-encoding") == "gzip" else body)
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"

    def spans(self) -> list[Span]:
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    thread = threading.Thread(target=made.server.serve_forever)
    thread.start()
    yield made
    made.server.shutdown()
    made.server.server_close()
    thread.join()


async def test_a_request_is_a_trace_with_its_transactions_and_without_its_values(
    ports: Ports, tmp_path: Path, collector: Collector
) -> None:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        "ACADEMY_OTLP_ENDPOINT": collector.address,
    }
    server = Serving(tmp_path / "data", ("--no-worker",), variables).start()

    async with Phone.at(server.address) as phone:
        await phone.send("RequestSignInCode", input={"phone": NUMBER, "deviceId": "device-of-may"})
        await phone.http.get("/13900000001?x=13900000001")
    assert await asyncio.to_thread(server.stop) == 0

    spans = {span.name: span for span in collector.spans()}
    request, transaction = spans["POST /graphql RequestSignInCode"], spans["transaction"]
    assert transaction.trace_id == request.trace_id
    assert transaction.parent_span_id == request.span_id
    assert "GET other" in spans
    told = b"".join(collector.bodies)
    assert [secret for secret in (b"13900000001", b"device-of-may") if secret in told] == []


async def test_a_collector_that_is_away_keeps_nobody_from_an_answer(ports: Ports, tmp_path: Path) -> None:
    variables = {
        "ACADEMY_DATABASE_URL": ports.settings.database_url or "",
        "ACADEMY_REDIS_URL": ports.settings.redis_url or "",
        "ACADEMY_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    server = Serving(tmp_path / "data", ("--no-worker",), variables).start()

    async with Phone.at(server.address) as phone:
        answer = await phone.http.post("/graphql", json={"query": "{ viewer { id } }"})

    assert answer.json()["data"] == {"viewer": None}
    assert await asyncio.to_thread(server.stop) == 0
