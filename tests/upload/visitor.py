"""Send requests as a visitor with an address."""

from typing import Any

from tests.upload.support import Client


class Visitor:
    """Send requests from an address, each time with the session that was begun last."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._forwarded = {"X-Forwarded-For": f"192.0.2.99, {address}"}
        self._session: dict[str, str] = {}

    def ask(self, method: str, path: str, **more: Any) -> Any:
        headers = {**self._forwarded, **self._session, **more.pop("headers", {})}
        self._client.cookies.clear()
        return self._client.request(method, path, headers=headers, **more)

    def begin_session(self) -> Any:
        answer = self.ask("POST", "/api/session")
        if answer.status_code == 201:
            self._session = {"Authorization": f"Bearer {answer.json()['token']}"}
        return answer

    def create(self, headers: dict[str, str] | None = None, **more: Any) -> Any:
        body = {"filename": "a", "size": 1, **more}
        return self.ask("POST", "/api/uploads", json=body, headers=headers or {})
