"""Ask the ECS agent for protection from scale-in.

Permissions: ecs:UpdateTaskProtection, ecs:GetTaskProtection on the task. ECS keeps a protected task
when it scales in and when it deploys a new version. Source: Amazon ECS Developer Guide, "Task
scale-in protection endpoint".
"""

import json
import urllib.request
from http.client import HTTPException
from typing import Any

from libs.core.errors import StorageUnavailable
from libs.core.ports.task_protection import TaskProtection

TIMEOUT = 5.0
"""Seconds that the agent has to answer. It is on the same host."""


class EcsTaskProtection(TaskProtection):
    """Call the endpoint that ECS names in ECS_AGENT_URI."""

    def __init__(self, agent_uri: str) -> None:
        self._url = f"{agent_uri.rstrip('/')}/task-protection/v1/state"

    def protect(self, minutes: int) -> None:
        self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes})

    def release(self) -> None:
        self._put({"ProtectionEnabled": False})

    def _put(self, body: dict[str, Any]) -> None:
        request = urllib.request.Request(  # noqa: S310 -- a setting, and checked to be http
            self._url,
            data=json.dumps(body).encode(),
            method="PUT",
            headers={"Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as response:  # noqa: S310
                answer = json.load(response)
        except (OSError, HTTPException, ValueError) as error:
            raise StorageUnavailable(f"ECS did not answer: {error}", retry_after=1) from error
        if not isinstance(answer, dict) or "protection" not in answer:
            raise StorageUnavailable(f"ECS refused protection: {answer}", retry_after=1)
