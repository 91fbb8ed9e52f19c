"""Let clients upload, convert, follow and download again and again, and record what they see."""

import hashlib
import random
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx

from tests.system.client import Client, Json, is_terminal

PATIENCE = 240.0
"""Seconds until something that is asked again and again must have happened."""

RETRIED = {429, 502, 503, 504}
"""Statuses that mean: ask again."""


@dataclass
class Conversion:
    """Hold what one client has seen of one conversion, in the order in which it saw it."""

    id: str
    upload: str
    request: int
    seen: list[tuple[str, Json]] = field(default_factory=list)
    """The source (a poll, or the number of a stream) and the state."""
    ended: Json | None = None
    was_cancelled: bool = False
    was_deleted: bool = False


class Traveller(threading.Thread):
    """Make journeys until told to stop; `errors` are what no fault explains."""

    def __init__(
        self, url: str, data: bytes, requests: tuple[Json, ...], hashes: list[str], seed: int
    ) -> None:
        super().__init__(daemon=True)
        self._client = Client(url)
        self._client.http.timeout = httpx.Timeout(15)
        self._data = data
        self._requests = requests
        self._hashes = hashes
        self._rng = random.Random(seed)
        self._streams = 0
        self.stop = threading.Event()
        self.conversions: list[Conversion] = []
        self.errors: list[str] = []

    @property
    def cookies(self) -> httpx.Cookies:
        """Return the cookies of the session."""
        return self._client.http.cookies

    def run(self) -> None:
        while not self.stop.is_set():
            try:
                self._travel()
            except Exception as error:
                self.errors.append(f"{type(error).__name__}: {error}")

    def ask(
        self,
        method: str,
        path: str,
        *,
        expected: tuple[int, ...] = (200,),
        headers: Mapping[str, str] | None = None,
        json: Json | None = None,
    ) -> httpx.Response:
        """Send a request again until it is answered with an expected status."""
        headers = {"Content-Type": "application/json", **(headers or {})}
        return self._retry(
            lambda: self._client.http.request(method, path, json=json, headers=headers), expected
        )

    def _retry(
        self, send: Callable[[], httpx.Response], expected: tuple[int, ...]
    ) -> httpx.Response:
        deadline = time.monotonic() + PATIENCE
        while True:
            answer, reason = None, ""
            try:
                answer = send()
                reason = f"{answer.request.url.path}: {answer.status_code} {answer.text[:300]}"
            except httpx.TransportError as error:
                reason = repr(error)
            if answer is not None and answer.status_code in expected:
                return answer
            if answer is not None and answer.status_code not in RETRIED:
                raise AssertionError(f"an answer that no fault explains: {reason}")
            assert time.monotonic() < deadline, f"not within {PATIENCE} s: {reason}"
            time.sleep(0.3)  # as a client does between two tries

    def _travel(self) -> None:
        request = self._rng.randrange(len(self._requests))
        upload = self._upload(request)
        mine = Conversion(upload["conversions"][0], upload["id"], request)
        self.conversions.append(mine)
        if self._rng.random() < 0.15:
            time.sleep(self._rng.uniform(0, 3))  # the moment of the cancel is what is drawn here
            answer = self.ask(
                "POST", f"/api/conversions/{mine.id}/cancel", json={}, expected=(202, 409)
            )
            mine.was_cancelled = answer.status_code == 202
        mine.ended = self._follow(mine)
        if mine.ended["status"] == "completed":
            self.check_download(mine)
            if self._rng.random() < 0.2:
                self.ask("DELETE", f"/api/conversions/{mine.id}", expected=(204, 404))
                mine.was_deleted = True

    def _upload(self, request: int) -> Json:
        body: Json = {"filename": "song.wav", "size": len(self._data)}
        body["convert"] = self._requests[request]
        key = {"Idempotency-Key": str(uuid.UUID(int=self._rng.getrandbits(128)))}
        upload: Json = self.ask(
            "POST", "/api/uploads", json=body, headers=key, expected=(201,)
        ).json()
        path = f"/api/uploads/{upload['id']}"
        for number in range(1, upload["part_count"] + 1):
            part = self._client.part_of(upload, self._data, number)
            if self._rng.random() < 0.5:
                self._put_to_s3(path, number, part)
                self.ask("POST", f"{path}/parts/{number}", json={})
            else:
                self._put_through_service(f"{path}/parts/{number}", part)
        self.ask("POST", f"{path}/complete", json={})
        return upload

    def _put_through_service(self, url: str, part: bytes) -> None:
        self._retry(lambda: self._client.http.put(url, content=part), (200,))

    def _put_to_s3(self, path: str, number: int, part: bytes) -> None:
        def send() -> httpx.Response:
            # A new URL for each try: the one before may have been for a process that is gone.
            signed = self.ask("POST", f"{path}/parts/sign", json={"part_numbers": [number]})
            url = signed.json()["parts"][0]
            return httpx.put(url["url"], content=part, headers=url["headers"], timeout=15)

        self._retry(send, (200,))

    def _follow(self, mine: Conversion) -> Json:
        """Follow a conversion by polls and event streams, in turn, until it has ended."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if self._rng.random() < 0.5:
                state: Json = self.ask("GET", f"/api/conversions/{mine.id}").json()
                mine.seen.append(("poll", state))
                time.sleep(0.3)  # the interval between two polls
            else:
                self._read_stream(mine)
            if mine.seen and is_terminal(mine.seen[-1][1]):
                return self.state_of(mine)
        raise AssertionError(f"{mine.id} did not end within {PATIENCE} s: {mine.seen[-1:]}")

    def _read_stream(self, mine: Conversion) -> None:
        self._streams += 1
        until = time.monotonic() + self._rng.uniform(0.5, 5)
        try:
            for event, data, _ in self._client.events(f"/api/progress/{mine.id}/events"):
                if event == "progress":
                    mine.seen.append((f"stream {self._streams}", data))
                if time.monotonic() > until:
                    break
        except (httpx.TransportError, AssertionError):
            pass  # it reconnects, or polls

    def state_of(self, mine: Conversion) -> Json:
        """Return the state of a conversion now."""
        state: Json = self.ask("GET", f"/api/conversions/{mine.id}").json()
        return state

    def check_download(self, mine: Conversion) -> None:
        """Download a result, and compare it with what the conversion makes without faults (I2)."""

        def send() -> httpx.Response:
            return self._client.http.get(
                f"/api/conversions/{mine.id}/download", follow_redirects=True
            )

        body = self._retry(send, (200,)).content
        found = hashlib.sha256(body).hexdigest()
        if found != self._hashes[mine.request]:
            self.errors.append(f"I2: {mine.id} has other bytes than an undisturbed conversion")

    def check_foreign(self, other: Conversion) -> None:
        """Expect that another session's items do not exist for this one (I7)."""
        for path in (f"/api/conversions/{other.id}", f"/api/uploads/{other.upload}"):
            self.ask("GET", path, expected=(404,))

    def close(self) -> None:
        self._client.http.close()
