"""Test that `make` passes its variables on to the commands."""

import subprocess

import pytest

from deploy.aws.installation import ROOT


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (["deploy"], "-m deploy.aws deploy"),
        (
            ["deploy", "SERVICE=progress", "TAG=v2"],
            "-m deploy.aws deploy --service progress --tag v2",
        ),
        (
            ["deploy", "SET=AlarmEmail=a@example.com MaxInstances=4"],
            "-m deploy.aws deploy   --set 'AlarmEmail=a@example.com MaxInstances=4'",
        ),
        (["rollback", "SERVICE=progress"], "-m deploy.aws rollback --service 'progress'"),
        (["rotate", "SECRET=session-secret"], "-m deploy.aws rotate --secret 'session-secret'"),
        (["rollback"], "-m deploy.aws rollback"),
        (["rotate"], "-m deploy.aws rotate"),
        (["status"], "-m deploy.aws status"),
        (["destroy"], "-m deploy.aws destroy"),
    ],
)
def test_make_runs_the_command_with_its_variables(given: list[str], expected: str) -> None:
    told = subprocess.run(
        ["make", "--dry-run", "--always-make", "--no-print-directory", *given],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert told.stdout.splitlines()[-1].rstrip().endswith(expected), told.stdout + told.stderr
