"""Test that `make run-localstack` says why it cannot run."""

import subprocess
import sys
from pathlib import Path

import pytest

from deploy.local.processes import ROOT


def run(path: Path, command: str = "up", **environment: str) -> "subprocess.CompletedProcess[str]":
    given = [sys.executable, "-m", "deploy.local.containers", command]
    return subprocess.run(
        given,
        cwd=ROOT,
        env={"PATH": str(path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def program(folder: Path, name: str, *lines: str) -> None:
    path = folder / name
    path.write_text("\n".join(["#!/bin/sh", *lines]))
    path.chmod(0o755)


@pytest.mark.parametrize("command", ["up", "down", "build"])
def test_missing_docker_is_reported_with_an_alternative(tmp_path: Path, command: str) -> None:
    ended = run(tmp_path, command)

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("Docker is not installed. Use `make run`")


def test_docker_engine_that_does_not_answer_is_reported(tmp_path: Path) -> None:
    program(tmp_path, "docker", "exit 1")

    ended = run(tmp_path)

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("No Docker engine answers.")


def test_missing_compose_is_reported(tmp_path: Path) -> None:
    program(tmp_path, "docker", '[ "$1" != compose ]')

    ended = run(tmp_path)

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert "neither `docker compose` nor `docker-compose`" in line


@pytest.mark.parametrize("variable", ["PORT", "S3_PORT"])
def test_invalid_port_is_reported_with_an_example(tmp_path: Path, variable: str) -> None:
    ended = run(tmp_path, **{variable: "http"})

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith(
        f"{variable}=http is not a port. Example: make run-localstack {variable}="
    )


def test_an_invalid_name_is_reported(tmp_path: Path) -> None:
    ended = run(tmp_path, NAME="Two words")

    assert ended.returncode == 1
    [line] = ended.stderr.splitlines()
    assert line.startswith("NAME=Two words is not a valid name")


@pytest.mark.parametrize(
    ("containers", "said"),
    [("", "Nothing was running."), ("0123", "Stopped. Its data is deleted.")],
)
def test_the_end_of_one_of_several_is_said(tmp_path: Path, containers: str, said: str) -> None:
    calls = tmp_path / "calls"
    program(tmp_path, "docker", f'echo "$*" >>{calls}', f'[ "$1" != ps ] || echo "{containers}"')

    ended = run(tmp_path, "down", NAME="stage")

    assert (ended.returncode, ended.stdout.strip()) == (0, said)
    lines = calls.read_text().splitlines()
    assert any("--project-name stage" in line and " down " in line for line in lines)
    assert all("project=stage" in line for line in lines if line.startswith("ps"))


def test_unknown_command_shows_the_usage(tmp_path: Path) -> None:
    ended = run(tmp_path, "sideways")

    assert ended.returncode == 2
    assert "up|down|build" in ended.stderr
