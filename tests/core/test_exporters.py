"""Test that traces and metrics reach a collector, and spans the log."""

import json
import subprocess
import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from deploy.local.processes import ROOT

# In a process of its own, because the providers are global and set once.
PROGRAM = """
import sys
from opentelemetry import metrics, trace
from libs.core import telemetry
telemetry.set_up("upload", otlp_endpoint=sys.argv[1] or None, log_spans=sys.argv[2] == "log")
with telemetry.span("POST /api/uploads", kind="test"):
    telemetry.record_request("POST", 201, 0.25)
trace.get_tracer_provider().shutdown()
if sys.argv[1]:
    metrics.get_meter_provider().shutdown()
"""


class Collector:
    """Take what an OTLP exporter sends."""

    def __init__(self) -> None:
        self.got: dict[str, bytes] = {}
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                collector.got[self.path] = self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    Thread(target=collector.server.serve_forever, daemon=True).start()
    yield collector
    collector.server.shutdown()
    collector.server.server_close()


def run(endpoint: str, spans: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, endpoint, spans],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_traces_and_metrics_reach_the_collector(collector: Collector) -> None:
    assert run(f"{collector.url}/", "") == ""

    assert collector.got.keys() == {"/v1/traces", "/v1/metrics"}
    assert b"POST /api/uploads" in collector.got["/v1/traces"]
    assert b"tinypixo-upload" in collector.got["/v1/traces"]
    assert b"http.server.request.duration" in collector.got["/v1/metrics"]


def test_a_collector_that_is_away_harms_nothing() -> None:
    run("http://127.0.0.1:9", "")


def test_spans_are_logged_where_there_is_no_collector() -> None:
    (line,) = run("", "log").splitlines()

    found = json.loads(line)
    assert (found["event"], found["name"]) == ("span", "POST /api/uploads")
    assert (found["service"], found["attributes"]) == ("upload", {"kind": "test"})
    assert len(found["trace_id"]) == 32
    assert found["parent_id"] is None
