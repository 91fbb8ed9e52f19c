"""Test that traces and metrics reach a collector, and spans the log."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy.local.processes import ROOT
from tests.http_server import RecordingServer

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


@pytest.fixture
def collector() -> Iterator[RecordingServer]:
    with RecordingServer() as collector:
        yield collector


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


def test_traces_and_metrics_reach_the_collector(collector: RecordingServer) -> None:
    assert run(f"{collector.url}/", "") == ""

    got = dict(collector.asked)
    assert got.keys() == {"/v1/traces", "/v1/metrics"}
    assert b"POST /api/uploads" in got["/v1/traces"]
    assert b"tinypixo-upload" in got["/v1/traces"]
    assert b"http.server.request.duration" in got["/v1/metrics"]


def test_a_collector_that_is_away_harms_nothing() -> None:
    run("http://127.0.0.1:9", "")


def test_spans_are_logged_where_there_is_no_collector() -> None:
    (line,) = run("", "log").splitlines()

    found = json.loads(line)
    assert (found["event"], found["name"]) == ("span", "POST /api/uploads")
    assert (found["service"], found["attributes"]) == ("upload", {"kind": "test"})
    assert len(found["trace_id"]) == 32
    assert found["parent_id"] is None
