"""Test that one command shows what happened to a conversion, from its creation to its download."""

import re
import subprocess
import sys

import pytest

from deploy.local.processes import ROOT
from deploy.local.stack import EmbeddedStack
from tests.fault_injection import eventually
from tests.system.client import Client

pytestmark = pytest.mark.stack


def test_the_trace_of_a_conversion_leads_from_creation_to_download(
    client: Client, short: bytes, stack: EmbeddedStack
) -> None:
    check_trace(client, short, str(stack.log("upload").parent))


def check_trace(client: Client, short: bytes, *source: str) -> None:
    """Convert a file, and compare the trace that is printed from this source."""
    upload = client.upload(short, "song.wav", [{"format": "mp3"}])
    conversion = upload["conversions"][0]
    client.until_ended(conversion)
    client.download(conversion)

    def printed() -> list[str]:
        command = [sys.executable, "-m", "deploy.local.trace", conversion, *source]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.splitlines()

    eventually(lambda: any("/download" in line for line in printed()))
    tree = [re.sub(r"^ *[\d.]+ s +[\d.]+ ms  ", "", line) for line in printed()[1:]]

    names = [line.strip().split("  ")[0] for line in tree]
    assert names[:4] == [
        "upload: POST /api/uploads",
        "conversion: convert",
        "conversion: encode",
        "conversion: publish",
    ]
    # Each is inside the one before, and the download is a request of its own.
    depths = [len(line) - len(line.lstrip()) for line in tree[:4]]
    assert depths == [0, 2, 4, 4]
    assert f"conversion: GET /api/conversions/{conversion}/download" in names
