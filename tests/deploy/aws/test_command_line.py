"""Test what the deployment commands say when nobody answers, or somebody interrupts them."""

import argparse
from typing import Any

import pytest

from deploy.aws import __main__ as command
from deploy.errors import DeployError


def test_a_question_that_nobody_answers_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(_: str) -> str:
        raise EOFError

    monkeypatch.setattr("builtins.input", nobody)
    monkeypatch.delenv("YES", raising=False)

    with pytest.raises(DeployError, match="YES=1"):
        command._confirm(argparse.Namespace(yes=False), "This deletes all.", "stage")


def test_an_interruption_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(_: Any) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(command, "_run", interrupt)

    assert command.main(["deploy"]) == 130
    [line] = capsys.readouterr().out.split()[:1]
    assert line == "Interrupted."


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("https://d1.cloudfront.net", []),
        ("https://audio.example", ["Your DNS must have: audio.example CNAME d1.cloudfront.net"]),
    ],
)
def test_the_smoke_test_does_not_depend_on_your_dns(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    url: str,
    said: list[str],
) -> None:
    walked: list[str] = []

    def walk(address: str) -> float:
        walked.append(address)
        return 1.0

    monkeypatch.setattr("deploy.aws.smoke.run", walk)

    command._smoke_test({"Url": url, "DistributionDomain": "d1.cloudfront.net"})

    assert walked == ["https://d1.cloudfront.net"]
    assert capsys.readouterr().out.splitlines()[:-1] == said
