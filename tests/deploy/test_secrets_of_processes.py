"""Test that each process of the local systems gets only the secrets that it uses."""

from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from deploy.local.containers import COMPOSE_FILE
from deploy.local.stack import SERVICES, WEB, EmbeddedStack

SESSIONS, SWEEPS = "TINYPIXO_SESSION_SECRET", "TINYPIXO_JANITOR_TOKEN"


def holders(environments: dict[str, Any], secret: str) -> set[str]:
    return {name for name, environment in environments.items() if secret in (environment or {})}


def test_processes_of_make_run_share_no_secret(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path)
    own = {user: stack.environment_of(user) for user in (*SERVICES, "worker")}

    assert holders({"all": stack.environment}, SESSIONS) == set()
    assert holders(own, SESSIONS) == set(WEB)
    assert holders(own, SWEEPS) == {"janitor"}


def test_containers_share_no_secret() -> None:
    services = yaml.safe_load(COMPOSE_FILE.read_text("utf-8"))["services"]
    environments = {name: each.get("environment") for name, each in services.items()}

    assert holders(environments, SESSIONS) == set(WEB)
    assert holders(environments, SWEEPS) == {"janitor"}
