"""Install MiniStack into a virtual environment of its own, because it pins botocore."""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from deploy.errors import DeployError

REPOSITORY = Path(__file__).resolve().parents[3]
REQUIREMENTS = Path(__file__).resolve().parent / "requirements.txt"


def default_venv() -> Path:
    """Return the folder of MiniStack's environment; TINYPIXO_EMULATOR_VENV changes it."""
    return Path(os.environ.get("TINYPIXO_EMULATOR_VENV", REPOSITORY / ".venv-emulator"))


def install(venv: Path) -> None:
    """Create the environment and install MiniStack by hash, unless that was done before.

    Several processes may call it at once. Raises DeployError if a step fails.
    """
    stamp = venv / "installed"
    wanted = hashlib.sha256(REQUIREMENTS.read_bytes() + sys.version.encode()).hexdigest()
    venv.parent.mkdir(parents=True, exist_ok=True)
    with open(f"{venv}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if stamp.is_file() and stamp.read_text() == wanted:
            return
        shutil.rmtree(venv, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(venv))
        options = ("--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes")
        pip = (str(venv / "bin/python"), "-m", "pip")
        _run(*pip, "install", *options, "-r", str(REQUIREMENTS))
        stamp.write_text(wanted)


def _run(*command: str) -> None:
    done = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if done.returncode:
        raise DeployError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}")
