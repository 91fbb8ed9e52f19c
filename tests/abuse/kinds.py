"""Abuse the system in the ways of which each once harmed others."""

import socket
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from services.upload.body_reader import PREFETCH
from tests.audio import run_ffmpeg, song

ADDRESS = "127.0.0.2"
"""The visitor's own address; the bystander has another one."""

GIB = 1024**3
CONVERSIONS_OF_A_SESSION = 5
PART_SIZE = 5 * 1024**2
READERS = 48
SENDERS = 150
SILENCE_HOURS = 12

Json = dict[str, Any]


class Visitor:
    """Send requests from the visitor's address, and begin new sessions at will."""

    def __init__(self, url: str) -> None:
        self._transport = httpx.HTTPTransport(local_address=ADDRESS)
        self._http = httpx.Client(base_url=url, transport=self._transport, timeout=60)

    def post(self, path: str, body: Json) -> httpx.Response:
        return self._http.post(path, json=body)

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def begin_session(self) -> None:
        """Forget the cookie, so that the next request begins a session."""
        self._http.cookies.clear()

    def upload(self, data: bytes, filename: str) -> str:
        """Upload a file of one part, and return the id of the upload."""
        made = self.post("/api/uploads", {"filename": filename, "size": len(data)}).json()
        path = f"/api/uploads/{made['id']}"
        self._http.put(f"{path}/parts/1", content=data).raise_for_status()
        self.post(f"{path}/complete", {}).raise_for_status()
        return str(made["id"])

    @property
    def cookie(self) -> str:
        """Return the header that names the session."""
        return "; ".join(f"{name}={value}" for name, value in self._http.cookies.items())


def flood(url: str) -> None:
    """Create uploads, sessions, part URLs and conversions, each as fast as one can."""
    with tempfile.TemporaryDirectory() as folder:
        sound = song(Path(folder), 1, "short.mp3").read_bytes()
    lanes = [create_uploads, begin_sessions, sign_parts]
    for lane in lanes:
        threading.Thread(target=lane, args=(Visitor(url),), daemon=True).start()
    begun()
    request_conversions(Visitor(url), sound)


def create_uploads(visitor: Visitor) -> None:
    """Declare 5 GiB again and again; begin a new session whenever the old one is refused."""
    while True:
        if visitor.post("/api/uploads", {"filename": "a.wav", "size": 5 * GIB}).is_error:
            visitor.begin_session()


def begin_sessions(visitor: Visitor) -> None:
    """Ask for tokens."""
    while True:
        visitor.post("/api/session", {})


def sign_parts(visitor: Visitor) -> None:
    """Ask for 100 URLs at a time."""
    made = visitor.post("/api/uploads", {"filename": "a.wav", "size": 5 * GIB}).json()
    while True:
        visitor.post(f"/api/uploads/{made['id']}/parts/sign", {"part_numbers": [*range(1, 101)]})


def request_conversions(visitor: Visitor, sound: bytes) -> None:
    """Request some conversions of a file in each of many sessions."""
    while True:
        try:
            upload = visitor.upload(sound, "short.mp3")
            for _ in range(CONVERSIONS_OF_A_SESSION):
                visitor.post("/api/conversions", {"upload_id": upload, "format": "mp3"})
        except (httpx.HTTPError, KeyError):
            time.sleep(0.1)  # refused, too
        visitor.begin_session()


def silent_senders(url: str) -> None:
    """Hold places for parts with connections that send the beginning of a part.

    Every second one sends enough to get a place. The others send one byte.
    """
    visitor = Visitor(url)
    size = SENDERS * PART_SIZE
    made = visitor.post("/api/uploads", {"filename": "a.wav", "size": size}).json()
    host, port = urlsplit(url).hostname or "", urlsplit(url).port or 80
    for number in range(1, SENDERS + 1):
        head = (
            f"PUT /api/uploads/{made['id']}/parts/{number} HTTP/1.1\r\nHost: {host}:{port}\r\n"
            f"Cookie: {visitor.cookie}\r\nContent-Length: {PART_SIZE}\r\n\r\n"
        )
        sent = head.encode() + bytes(1 if number % 2 else PREFETCH + 1)
        threading.Thread(target=send_silently, args=(port, sent), daemon=True).start()
    begun()
    threading.Event().wait()


def send_silently(port: int, head: bytes) -> None:
    """Send the head of a request and wait for the answer; begin again after it."""
    while True:
        try:
            with socket.create_connection(("127.0.0.1", port), 300, (ADDRESS, 0)) as connection:
                connection.sendall(head)
                connection.recv(65536)
        except OSError:
            time.sleep(0.1)


def long_conversions(url: str) -> None:
    """Request costly conversions of a small file that lasts for hours."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "silence.flac"
        silence = ("-f", "lavfi", "-t", str(SILENCE_HOURS * 3600), "-i", "anullsrc=r=8000:cl=mono")
        run_ffmpeg(*silence, str(path))
        data = path.read_bytes()
    visitor = Visitor(url)
    upload = visitor.upload(data, "silence.flac")
    costly = {"sample_rate": 48000, "channels": 2, "normalize": -16.0, "fade_out": 60}
    for _ in range(8):
        visitor.post("/api/conversions", {"upload_id": upload, "format": "ogg", **costly})
    time.sleep(3)
    begun()
    threading.Event().wait()


def reads(url: str) -> None:
    """Read lists, progress and readiness on many connections, each as fast as one can."""
    first = Visitor(url)
    made = first.post("/api/uploads", {"filename": "a.wav", "size": 5 * GIB}).json()
    paths = [f"/api/uploads/{made['id']}", "/api/uploads", "/api/conversions", "/health/ready"]
    for number in range(READERS):
        path = paths[number % len(paths)]
        threading.Thread(target=read, args=(Visitor(url), path), daemon=True).start()
    begun()
    threading.Event().wait()


def read(visitor: Visitor, path: str) -> None:
    """Read a path again and again."""
    while True:
        try:
            visitor.get(path)
        except httpx.HTTPError:
            time.sleep(0.1)


def begun() -> None:
    """Tell the test that the abuse goes on from now."""
    print("begun", flush=True)


KINDS: dict[str, Callable[[str], None]] = {
    "flood": flood,
    "silent-senders": silent_senders,
    "long-conversions": long_conversions,
    "reads": reads,
}
