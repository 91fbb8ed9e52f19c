"""Run a smoke test of a deployed system: upload, convert, download, delete."""

import io
import time
import uuid
import wave
from typing import Any, Self

import httpx

from deploy.errors import DeployError

LONGEST = 300.0
"""Seconds of the whole test. Without running workers, one starts within four minutes."""

RETRIED = {502, 503, 504}
"""Statuses of a load balancer or service whose new instances are still starting."""


def run(url: str, *, longest: float = LONGEST, pause: float = 1.0) -> float:
    """Convert a short file at this address once, and return the seconds that it took.

    Requests are repeated while nothing answers, because instances may be changing.

    Args:
        url: The address of the page.
        longest: Seconds after which the test fails.
        pause: Seconds between two requests for the same.

    Raises:
        DeployError: A step failed; the text names it.
    """
    began = time.monotonic()
    with _PatientClient(url, began + longest, pause) as client:
        _convert_once(client)
    return time.monotonic() - began


class _PatientClient:
    """Repeat requests that new instances cannot answer yet, until a deadline."""

    def __init__(self, url: str, deadline: float, pause: float) -> None:
        self._url = url
        self._http = httpx.Client(base_url=url, timeout=30, follow_redirects=True)
        self._deadline = deadline
        self._pause = pause

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    def ask(self, method: str, path: str, *, gone: bool = False, **body: Any) -> httpx.Response:
        """Return the response to a request that can be repeated.

        Args:
            method: The HTTP method.
            path: The path of the request.
            gone: True if a repeated request may answer 404, because an earlier one was done.
            body: What httpx sends.

        Raises:
            DeployError: The answer is an error, or there was none until the deadline.
        """
        asked = f"{method} {self._url}{path}"
        is_repeated = False
        while True:
            try:
                answer = self._http.request(method, path, **body)
                problem = f"{asked} answered {answer.status_code}: {answer.text[:200]}"
                if answer.is_success or (gone and is_repeated and answer.status_code == 404):
                    return answer
                if answer.status_code not in RETRIED:
                    raise DeployError(f"The smoke test failed: {problem}")
            except httpx.TransportError as error:
                problem = f"{asked} was not answered: {error}"
            is_repeated = True
            self.wait(problem)

    def wait(self, reason: str) -> None:
        """Wait a moment. Raises DeployError with the reason if the deadline is over."""
        if time.monotonic() > self._deadline:
            raise DeployError(f"The smoke test failed: {reason}")
        time.sleep(self._pause)


def _convert_once(client: _PatientClient) -> None:
    source = _one_second_of_silence()
    wanted = {"filename": "smoke.wav", "size": len(source), "convert": {"format": "mp3"}}
    key = {"Idempotency-Key": str(uuid.uuid4())}
    upload = client.ask("POST", "/api/uploads", json=wanted, headers=key).json()
    path = f"/api/uploads/{upload['id']}"
    parts = -(-len(source) // upload["part_size"])
    for number in range(1, parts + 1):
        part = source[(number - 1) * upload["part_size"] : number * upload["part_size"]]
        client.ask("PUT", f"{path}/parts/{number}", content=part)
    client.ask("POST", f"{path}/complete", json={})
    conversion = f"/api/conversions/{upload['conversions'][0]}"
    while (found := client.ask("GET", conversion).json())["status"] != "completed":
        if found["status"] in ("failed", "cancelled"):
            raise DeployError(f"The smoke test failed: the conversion is {found['status']}.")
        client.wait(f"the conversion is still {found['status']}, {found['phase']}.")
    if not client.ask("GET", f"{conversion}/download").content:
        raise DeployError("The smoke test failed: the download is empty.")
    client.ask("DELETE", path, gone=True)


def _one_second_of_silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(bytes(2 * 44100))
    return file.getvalue()
