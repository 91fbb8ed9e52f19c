"""Provide the code of the version before this one, from the history of this checkout."""

import subprocess
import tarfile
from pathlib import Path

import pytest

from deploy.local.processes import ROOT

BEFORE = "703925ccb9787dc467de54c9a3b6c88e887ccd0c"
"""The version that runs in production. Each release moves it: see CONTRIBUTING.md."""


@pytest.fixture(scope="module")
def code_before(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the version before."""
    folder = tmp_path_factory.mktemp("before")
    archive = folder / "code.tar"
    command = ["git", "archive", "--output", str(archive), BEFORE]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"this checkout lacks the version before: {done.stderr.strip()}")
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    archive.unlink()
    return folder
