"""Provide clients of a moto server, which runs in a process of its own."""

import subprocess
import sys
import urllib.request
from collections.abc import Iterator

import boto3
import pytest

from deploy.local.bootstrap import Clients


@pytest.fixture(scope="module")
def moto_endpoint() -> Iterator[str]:
    command = [sys.executable, "-m", "tests.contracts.moto_server"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout
        yield f"http://127.0.0.1:{int(server.stdout.readline())}"


@pytest.fixture
def clients(moto_endpoint: str) -> Clients:
    """Return clients of an empty account."""
    urllib.request.urlopen(
        urllib.request.Request(f"{moto_endpoint}/moto-api/reset", method="POST")
    ).close()
    session = boto3.Session("test", "test", region_name="eu-west-1")
    return Clients.create(lambda name: session.client(name, endpoint_url=moto_endpoint))
