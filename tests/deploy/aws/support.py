"""Run the deployment commands with a Docker that only records."""

import os
import subprocess
import sys
from pathlib import Path

from deploy.aws.installation import ROOT

FAKE_DOCKER = Path(__file__).with_name("docker.sh")


class Shell:
    """Run commands of `deploy.aws` as a new shell does: nothing is kept from the run before."""

    def __init__(self, folder: Path, endpoint: str, name: str) -> None:
        """Keep the recording of Docker's calls in `folder`."""
        self.docker_log = folder / "docker.log"
        self._environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "eu-central-1",
            "NAME": name,
            "DOCKER": str(FAKE_DOCKER),
            "DOCKER_LOG": str(self.docker_log),
        }

    def run(self, *arguments: str, status: int = 0, typed: str = "") -> str:
        """Run a command, and return what it printed. Fail if it ended with another status."""
        done = subprocess.run(
            [sys.executable, "-m", "deploy.aws", *arguments],
            cwd=ROOT,
            env=self._environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == status, done.stdout
        return done.stdout

    @property
    def docker_calls(self) -> list[str]:
        """Return the calls of Docker so far, from both shells."""
        return self.docker_log.read_text("utf-8").splitlines()
