"""Run the shell commands of the README as they are written."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from deploy.local.processes import ROOT
from tests.audio import decoded_seconds

pytestmark = pytest.mark.stack


def test_readme_shell_commands_convert_a_file(stack_url: str, wav: bytes, tmp_path: Path) -> None:
    (commands,) = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text("utf-8"), re.DOTALL)
    (tmp_path / "song.wav").write_bytes(wav)
    shell = shutil.which("dash") or "/bin/sh"  # dash is the strictest

    done = subprocess.run(
        [shell, "-euc", commands.replace("http://localhost:8000", stack_url)],
        cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert '"status":"completed"' in done.stdout.replace(" ", "")
    assert decoded_seconds(tmp_path / "song.mp3") == pytest.approx(65, abs=0.05)
