"""What a page does besides what is looked at: its console, its errors, its requests."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

HOSTS = {"localhost", "127.0.0.1"}

# How Chromium words a request that got no answer, or a bad one. Tests that cut the network expect it.
NETWORK = r"Failed to load resource"


class Watch:
    """Collects what happens in one context, and says afterwards what should not have happened."""

    def __init__(self, context: BrowserContext) -> None:
        self.log: list[str] = []
        self._errors: list[str] = []
        self._foreign: list[str] = []
        self._expected: list[str] = []
        self.sent: list[Request] = []
        context.on("console", self._console)
        context.on("weberror", self._error)
        context.on("request", self._request)
        context.on("requestfinished", self._finished)

    def expect_errors(self, *patterns: str) -> None:
        """Errors like these are part of the test."""
        self._expected += patterns

    def parts_stored(self) -> list[int]:
        """Numbers of the parts that S3 took by presigned URL, in that order. One that comes twice was sent twice."""
        return [int(number) for request in self.puts() for number in parse_qs(urlsplit(request.url).query).get("partNumber", [])]

    def puts(self) -> list[Request]:
        """Every PUT that got an answer."""
        return [request for request in self.sent if request.method == "PUT"]

    def complaints(self) -> list[str]:
        """What nobody expected; empty is well."""
        surprising = [error for error in self._errors if not any(re.search(pattern, error) for pattern in self._expected)]
        return surprising + [f"asked a stranger: {url}" for url in self._foreign]

    def save(self, path: Path) -> None:
        path.write_text("\n".join(self.log) + "\n", "utf-8")

    def _console(self, message: ConsoleMessage) -> None:
        line = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        self.log.append(line)
        if message.type in ("error", "warning"):
            self._errors.append(line)

    def _error(self, error: WebError) -> None:
        self.log.append(f"uncaught: {error.error}")
        self._errors.append(f"uncaught: {error.error}")

    def _finished(self, request: Request) -> None:
        self.sent.append(request)

    def _request(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in ("http", "https", "ws", "wss") and parts.hostname not in HOSTS:
            self._foreign.append(request.url)
