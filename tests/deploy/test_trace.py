"""Test how logged spans become a tree."""

import json

from deploy.local.trace import read_spans, render, traces_of


def line(trace: str, span: str, parent: str | None, name: str, began: float, **more: str) -> str:
    found = {
        "event": "span",
        "service": "conversion",
        "trace_id": trace,
        "span_id": span,
        "parent_id": parent,
        "name": name,
        "began": began,
        "took_seconds": 0.5,
        "attributes": more,
    }
    return json.dumps(found)


LINES = [
    line("t1", "s3", "s2", "encode", 12.0),
    line("t1", "s2", "s1", "convert", 11.0, conversion="cnv_1"),
    "worker-1 | " + line("t1", "s1", "browser", "POST /api/conversions", 10.0),
    line("t2", "s9", None, "GET /api/conversions/cnv_1/download", 20.0),
    line("t3", "s8", None, "GET /api/conversions/cnv_2", 15.0),
    '{"event": "request", "path": "/api/conversions/cnv_1"}',
    "no JSON at all, cnv_1",
    '{"event": "span", "name": "cut in the mid',
]


def test_the_tree_has_all_traces_of_the_item_by_time() -> None:
    tree = render(traces_of("cnv_1", read_spans(LINES)))

    assert tree == [
        "    0.000 s      500.0 ms  conversion: POST /api/conversions",
        "    1.000 s      500.0 ms    conversion: convert  conversion=cnv_1",
        "    2.000 s      500.0 ms      conversion: encode",
        "   10.000 s      500.0 ms  conversion: GET /api/conversions/cnv_1/download",
    ]


def test_an_unknown_item_has_no_tree() -> None:
    assert render(traces_of("cnv_3", read_spans(LINES))) == []
