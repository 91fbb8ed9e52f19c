"""A client of `API.md`, in as few words as possible. It knows nothing of the services but their contract."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

Json = dict[str, Any]

PATIENCE = 120.0
"""Seconds that anything awaited may take on a slow machine."""


@dataclass
class Client:
    """One session: its cookie, or a bearer token, is what owns what it creates."""

    base: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def create(self, data: bytes, filename: str, convert: Json | list[Json] | None = None) -> Json:
        """A new upload for these bytes."""
        body: Json = {"filename": filename, "size": len(data)}
        if convert is not None:
            body["convert"] = convert
        return ok(self.http.post("/api/uploads", json=body), 201)

    def part_of(self, upload: Json, data: bytes, number: int) -> bytes:
        start = (number - 1) * upload["part_size"]
        return data[start : start + upload["part_size"]]

    def put_to_s3(self, upload: Json, data: bytes, number: int) -> None:
        """A part straight to S3 by its presigned URL, as the page does it; not reported yet."""
        signed = ok(self.http.post(f"/api/uploads/{upload['id']}/parts/sign", json={"part_numbers": [number]}))["parts"][0]
        sent = httpx.put(signed["url"], content=self.part_of(upload, data, number), headers=signed["headers"], timeout=60)
        assert sent.status_code == 200, sent.text

    def report(self, upload: Json, number: int) -> Json:
        return ok(self.http.post(f"/api/uploads/{upload['id']}/parts/{number}", json={}))

    def put_through_service(self, upload: Json, data: bytes, number: int) -> Json:
        return ok(self.http.put(f"/api/uploads/{upload['id']}/parts/{number}", content=self.part_of(upload, data, number)))

    def send(self, upload: Json, data: bytes, *numbers: int) -> Json:
        """Parts, all by default: odd ones straight to S3, even ones through the service."""
        for number in numbers or range(1, upload["part_count"] + 1):
            if number % 2:
                self.put_to_s3(upload, data, number)
                upload = self.report(upload, number)
            else:
                upload = self.put_through_service(upload, data, number)
        return upload

    def complete(self, upload: Json) -> Json:
        return ok(self.http.post(f"/api/uploads/{upload['id']}/complete", json={}))

    def upload(self, data: bytes, filename: str, convert: Json | list[Json] | None = None) -> Json:
        """The whole trip of a file into S3."""
        upload = self.create(data, filename, convert)
        self.send(upload, data)
        return self.complete(upload)

    def convert(self, upload_id: str, **request: Any) -> Json:
        return ok(self.http.post("/api/conversions", json={"upload_id": upload_id, **request}), 202)

    def conversion(self, conversion_id: str) -> Json:
        return ok(self.http.get(f"/api/conversions/{conversion_id}"))

    def follow(self, thing_id: str, patience: float = PATIENCE) -> list[Json]:
        """Every progress of one thing by its event stream, until the terminal one; reconnects as a browser would."""
        seen: list[Json] = []
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline:
            for event, data, _ in self.events(f"/api/progress/{thing_id}/events"):
                assert event == "progress", (event, data)
                seen.append(data)
            if seen and is_terminal(seen[-1]):
                return seen
        raise AssertionError(f"{thing_id} did not end within {patience} s: {seen[-1:]}")

    def events(self, path: str, headers: dict[str, str] | None = None) -> Iterator[tuple[str, Json, str]]:
        """(event, data, id) of a stream of server-sent events, until the server ends it."""
        with self.http.stream("GET", path, headers=headers, timeout=PATIENCE) as stream:
            assert stream.status_code == 200, stream.read()
            assert stream.headers["content-type"].startswith("text/event-stream")
            found: dict[str, str] = {}
            for line in stream.iter_lines():
                if line and not line.startswith(":"):
                    name, _, value = line.partition(":")
                    found[name] = value.strip()
                elif not line and "data" in found:
                    yield found["event"], json.loads(found["data"]), found.get("id", "")
                    found = {}

    def until_ended(self, conversion_id: str) -> Json:
        """The conversion when it has ended, found by polling."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            conversion = self.conversion(conversion_id)
            if is_terminal(conversion):
                return conversion
            time.sleep(0.2)  # between two polls, as any polling client does
        raise AssertionError(f"{conversion_id} did not end within {PATIENCE} s: {conversion}")

    def download(self, conversion_id: str) -> bytes:
        """The finished file, checked against the hash that the conversion names."""
        answer = self.http.get(f"/api/conversions/{conversion_id}/download", follow_redirects=True)
        assert answer.status_code == 200, answer.text
        assert hashlib.sha256(answer.content).hexdigest() == self.conversion(conversion_id)["output"]["sha256"]
        return answer.content


def ok(response: httpx.Response, status: int = 200) -> Json:
    """The JSON of an answer of this status."""
    assert response.status_code == status, f"{response.request.url}: {response.status_code} {response.text}"
    answer: Json = response.json()
    return answer


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """The problem document of an answer of this status and code."""
    assert response.status_code == status, f"{response.request.url}: {response.status_code} {response.text}"
    assert response.headers["content-type"] == "application/problem+json"
    answer: Json = response.json()
    assert answer["code"] == code, answer
    assert answer["status"] == status
    assert {"type", "title", "detail"} <= answer.keys()
    return answer


def is_terminal(thing: Json) -> bool:
    return thing["status"] in ("completed", "failed", "cancelled", "uploaded", "aborted")
