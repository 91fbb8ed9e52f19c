"""Record what a browser does in the background: console, errors and requests."""

import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Request, WebError

LOCAL_HOSTS = {"localhost", "127.0.0.1"}
NETWORK_SCHEMES = {"http", "https", "ws", "wss"}

# Chromium's message for a request without an answer or with an error response.
NETWORK_ERROR = r"Failed to load resource"


class BrowserMonitor:
    """Collect console errors and requests of one browser context."""

    def __init__(self, context: BrowserContext) -> None:
        self.log: list[str] = []
        self._errors: list[str] = []
        self._external_urls: list[str] = []
        self._allowed_errors: list[str] = []
        self._finished_requests: list[Request] = []
        context.on("console", self._on_console)
        context.on("weberror", self._on_error)
        context.on("request", self._on_request)
        context.on("requestfinished", self._on_request_finished)

    def allow_errors(self, *patterns: str) -> None:
        """Expect errors that match these patterns."""
        self._allowed_errors += patterns

    def puts(self) -> list[Request]:
        """Return every PUT request that was answered."""
        return [request for request in self._finished_requests if request.method == "PUT"]

    def parts_sent_to_s3(self) -> list[int]:
        """Return the numbers of the parts that were sent by presigned URL, in that order."""
        queries = [parse_qs(urlsplit(request.url).query) for request in self.puts()]
        return [int(number) for query in queries for number in query.get("partNumber", [])]

    def unexpected_events(self) -> list[str]:
        """Return errors that were not allowed, and requests to other hosts."""
        errors = [error for error in self._errors if not self._is_allowed(error)]
        return errors + [f"request to another host: {url}" for url in self._external_urls]

    def save(self, path: Path) -> None:
        path.write_text("\n".join(self.log) + "\n", "utf-8")

    def _is_allowed(self, error: str) -> bool:
        return any(re.search(pattern, error) for pattern in self._allowed_errors)

    def _on_console(self, message: ConsoleMessage) -> None:
        line = f"{message.type}: {message.text} ({message.location.get('url', '')})"
        self.log.append(line)
        if message.type in ("error", "warning"):
            self._errors.append(line)

    def _on_error(self, error: WebError) -> None:
        line = f"uncaught: {error.error}"
        self.log.append(line)
        self._errors.append(line)

    def _on_request(self, request: Request) -> None:
        url = urlsplit(request.url)
        if url.scheme in NETWORK_SCHEMES and url.hostname not in LOCAL_HOSTS:
            self._external_urls.append(request.url)

    def _on_request_finished(self, request: Request) -> None:
        self._finished_requests.append(request)
