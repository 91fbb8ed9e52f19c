"""Test the start and the end of the emulator, and its checks."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from deploy.errors import DeployError
from deploy.local.emulator.process import MiniStack
from deploy.local.emulator.virtual_environment import REPOSITORY
from tests.deploy.emulator.support import client_factory, deploy, listens

pytestmark = pytest.mark.stack


def test_part_longer_than_signed_is_refused(emulator: MiniStack) -> None:
    bucket, s3 = deploy(emulator).bucket_name, client_factory(emulator)("s3")
    upload = {"Bucket": bucket, "Key": "uploads/upl_1"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    url = s3.generate_presigned_url(
        "upload_part", Params={**upload, "PartNumber": 1, "ContentLength": 4}
    )

    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(urllib.request.Request(url, b"longer", method="PUT"))


def test_port_in_use_is_reported_with_the_emulators_log(venv: Path, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()

        with pytest.raises(DeployError, match=r"(?s)did not start.*in use"):
            MiniStack(venv, tmp_path, port=taken.getsockname()[1]).start()


def test_emulator_ends_when_its_parent_is_killed(venv: Path, tmp_path: Path) -> None:
    program = f"""
import pathlib, sys, time
from deploy.local.emulator.process import MiniStack
emulator = MiniStack(pathlib.Path({str(venv)!r}), pathlib.Path({str(tmp_path)!r}))
emulator.start()
print(emulator.port, flush=True)
time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=REPOSITORY, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        port = int(parent.stdout.readline())
        parent.kill()

    deadline = time.monotonic() + 20
    while listens(port) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not listens(port)
