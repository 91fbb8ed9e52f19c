"""Call the HTTP API with a client that knows only the contract."""

import hashlib
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Self

import httpx

Json = dict[str, Any]

TIMEOUT = 120.0
"""Seconds to wait for anything, on a slow machine."""


@dataclass
class Client:
    """Send requests as one session, which owns what it creates."""

    base: str
    http: httpx.Client = field(init=False)

    def __post_init__(self) -> None:
        self.http = httpx.Client(base_url=self.base, timeout=30)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def create(self, data: bytes, filename: str, convert: Json | list[Json] | None = None) -> Json:
        """Create an upload for these bytes."""
        body: Json = {"filename": filename, "size": len(data)}
        if convert is not None:
            body["convert"] = convert
        return ok(self.http.post("/api/uploads", json=body), 201)

    def part_of(self, upload: Json, data: bytes, number: int) -> bytes:
        start = (number - 1) * upload["part_size"]
        return data[start : start + upload["part_size"]]

    def put_to_s3(self, upload: Json, data: bytes, number: int) -> None:
        """Send a part to S3 by its presigned URL, without reporting it to the service."""
        signed = ok(
            self.http.post(
                f"/api/uploads/{upload['id']}/parts/sign", json={"part_numbers": [number]}
            )
        )["parts"][0]
        sent = httpx.put(
            signed["url"],
            content=self.part_of(upload, data, number),
            headers=signed["headers"],
            timeout=60,
        )
        assert sent.status_code == 200, sent.text

    def report(self, upload: Json, number: int) -> Json:
        return ok(self.http.post(f"/api/uploads/{upload['id']}/parts/{number}", json={}))

    def put_through_service(self, upload: Json, data: bytes, number: int) -> Json:
        return ok(
            self.http.put(
                f"/api/uploads/{upload['id']}/parts/{number}",
                content=self.part_of(upload, data, number),
            )
        )

    def send(self, upload: Json, data: bytes, *numbers: int) -> Json:
        """Send parts, by default all: odd ones straight to S3, even ones through the service."""
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
        """Create an upload, send its parts and complete it."""
        upload = self.create(data, filename, convert)
        self.send(upload, data)
        return self.complete(upload)

    def convert(self, upload_id: str, **request: Any) -> Json:
        return ok(self.http.post("/api/conversions", json={"upload_id": upload_id, **request}), 202)

    def conversion(self, conversion_id: str) -> Json:
        return ok(self.http.get(f"/api/conversions/{conversion_id}"))

    def follow(self, item_id: str, timeout: float = TIMEOUT) -> list[Json]:
        """Return all progress events of an item up to the terminal one.

        It reconnects when the service closes the stream, as a browser does.
        """
        seen: list[Json] = []
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            for event, data, _ in self.events(f"/api/progress/{item_id}/events"):
                assert event == "progress", (event, data)
                seen.append(data)
            if seen and is_terminal(seen[-1]):
                return seen
        raise AssertionError(f"{item_id} did not end within {timeout} s: {seen[-1:]}")

    def events(
        self, path: str, headers: dict[str, str] | None = None
    ) -> Iterator[tuple[str, Json, str]]:
        """Yield (event, data, id) of a server-sent event stream until the server closes it."""
        with self.http.stream("GET", path, headers=headers, timeout=TIMEOUT) as stream:
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
        """Poll a conversion until it has ended, and return it."""
        deadline = time.monotonic() + TIMEOUT
        while time.monotonic() < deadline:
            conversion = self.conversion(conversion_id)
            if is_terminal(conversion):
                return conversion
            time.sleep(0.2)  # the interval between two polls
        raise AssertionError(f"{conversion_id} did not end within {TIMEOUT} s: {conversion}")

    def download(self, conversion_id: str) -> bytes:
        """Return the result, after comparing it with the hash that the conversion states."""
        answer = self.http.get(f"/api/conversions/{conversion_id}/download", follow_redirects=True)
        assert answer.status_code == 200, answer.text
        assert (
            hashlib.sha256(answer.content).hexdigest()
            == self.conversion(conversion_id)["output"]["sha256"]
        )
        return answer.content


def ok(response: httpx.Response, status: int = 200) -> Json:
    """Return the JSON of a response, which must have this status."""
    assert response.status_code == status, (
        f"{response.request.url}: {response.status_code} {response.text}"
    )
    answer: Json = response.json()
    return answer


def problem(response: httpx.Response, status: int, code: str) -> Json:
    """Return the problem document of a response, which must have this status and code."""
    assert response.status_code == status, (
        f"{response.request.url}: {response.status_code} {response.text}"
    )
    assert response.headers["content-type"] == "application/problem+json"
    answer: Json = response.json()
    assert answer["code"] == code, answer
    assert answer["status"] == status
    assert {"type", "title", "detail"} <= answer.keys()
    return answer


def is_terminal(item: Json) -> bool:
    return item["status"] in ("completed", "failed", "cancelled", "uploaded", "aborted")
