"""Run a smoke test of a deployed system: upload, convert, download, delete."""

import io
import time
import wave
from typing import Any

import httpx

from deploy.errors import DeployError

LONGEST = 180.0
"""Seconds until the conversion of one second of silence must have ended."""


def run(url: str, *, longest: float = LONGEST, pause: float = 1.0) -> float:
    """Convert a short file at this address once, and return the seconds that it took.

    Raises DeployError, which names the step that failed.
    """
    began = time.monotonic()
    try:
        with httpx.Client(base_url=url, timeout=30, follow_redirects=True) as client:
            _convert_once(client, began + longest, pause)
    except httpx.HTTPError as error:
        raise DeployError(f"The smoke test failed: {error}") from error
    return time.monotonic() - began


def _convert_once(client: httpx.Client, deadline: float, pause: float) -> None:
    source = _one_second_of_silence()
    wanted = {"filename": "smoke.wav", "size": len(source), "convert": {"format": "mp3"}}
    upload = _done(client.post("/api/uploads", json=wanted)).json()
    path = f"/api/uploads/{upload['id']}"
    parts = -(-len(source) // upload["part_size"])
    for number in range(1, parts + 1):
        part = source[(number - 1) * upload["part_size"] : number * upload["part_size"]]
        _done(client.put(f"{path}/parts/{number}", content=part))
    _done(client.post(f"{path}/complete", json={}))
    conversion = f"/api/conversions/{upload['conversions'][0]}"
    while (found := _done(client.get(conversion)).json())["status"] != "completed":
        if found["status"] in ("failed", "cancelled"):
            raise DeployError(f"The smoke test failed: the conversion is {found['status']}.")
        if time.monotonic() > deadline:
            raise DeployError(f"The smoke test failed: still {found['status']}, {found['phase']}.")
        time.sleep(pause)
    if not _done(client.get(f"{conversion}/download")).content:
        raise DeployError("The smoke test failed: the download is empty.")
    _done(client.delete(path))


def _done(response: httpx.Response) -> Any:
    if response.is_success:
        return response
    request = response.request
    raise DeployError(
        f"The smoke test failed: {request.method} {request.url.path} answered "
        f"{response.status_code}: {response.text[:200]}"
    )


def _one_second_of_silence() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        sound.writeframes(bytes(2 * 44100))
    return file.getvalue()
