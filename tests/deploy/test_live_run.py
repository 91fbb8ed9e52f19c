"""Test that `make test-aws` reports missing credentials and deletes what it created."""

import os
import signal

import pytest

from tests.deploy.live_run import CONTRACT, account_at, run, stacks_left

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "correct-horse-battery-staple"}


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({}, "there are no credentials. Set AWS_PROFILE"),
        (KEYS, "no region is set. Example: AWS_REGION=eu-central-1"),
        (
            {**KEYS, "AWS_REGION": "eu-central-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:9"},
            "its credentials do not work: ",
        ),
    ],
)
def test_missing_credentials_or_region_are_reported_in_one_line(
    environment: dict[str, str], words: str
) -> None:
    nobody = {
        "PATH": os.environ["PATH"],
        "HOME": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    with run(nobody | environment) as running:
        said, _ = running.communicate()

    assert running.returncode == 2
    [line] = said.splitlines()
    assert words in line
    assert KEYS["AWS_SECRET_ACCESS_KEY"] not in line


@pytest.mark.slow
def test_failed_run_deletes_its_stacks(moto_endpoint: str) -> None:
    with run(
        account_at(moto_endpoint), "-k", CONTRACT, "-p", "tests.deploy.fail_every_test"
    ) as running:
        said, _ = running.communicate()

    assert running.returncode == 1, said
    assert stacks_left(said, moto_endpoint) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_run_deletes_its_stacks(moto_endpoint: str, number: signal.Signals) -> None:
    with run(account_at(moto_endpoint), "-v", "-k", CONTRACT) as running:
        assert running.stdout
        said = ""
        for line in running.stdout:
            said += line
            if CONTRACT in line:
                break
        running.send_signal(number)
        said += running.stdout.read()

    assert running.returncode != 0
    assert stacks_left(said, moto_endpoint) == []
