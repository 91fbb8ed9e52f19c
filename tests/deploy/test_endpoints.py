"""Test the choice of endpoints for AWS clients."""

import pytest

from libs.core.adapters.aws import clients
from libs.core.settings import load
from libs.core.wiring import AwsContainer
from tests.deploy.service_settings import ENOUGH, KINDS


@pytest.fixture
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Set the required variables, and no endpoint."""
    for name in ["", "_S3", "_DYNAMODB", "_DYNAMODB_STREAMS", "_SQS", "_SNS"]:
        monkeypatch.delenv(f"AWS_ENDPOINT_URL{name}", raising=False)
    monkeypatch.delenv("TINYPIXO_PUBLIC_S3_ENDPOINT", raising=False)
    for variable, value in {
        **ENOUGH,
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
    }.items():
        monkeypatch.setenv(variable, value)
    return monkeypatch


def endpoints() -> dict[str, str]:
    """Return the endpoints of the clients that a service creates in this environment."""
    aws = AwsContainer(settings=load(KINDS["upload"]))
    made = {"S3": aws.s3(), "DYNAMODB": aws.dynamodb(), "STREAMS": aws.streams(), "SQS": aws.sqs()}
    made["SNS"] = clients.sns_client(aws.session())
    found = {name: str(client.meta.endpoint_url) for name, client in made.items()}
    for client in made.values():
        client.close()
    return found


def signed_url() -> str:
    return (
        AwsContainer(settings=load(KINDS["upload"]))
        .signer()
        .sign_download("outputs/1", "a.mp3", "audio/mpeg", 60)
    )


def test_clients_use_aws_endpoints_by_default(environment: pytest.MonkeyPatch) -> None:
    assert all(url.endswith(".eu-central-1.amazonaws.com") for url in endpoints().values())


def test_general_endpoint_override_applies_to_all_clients(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://emulator:4566")

    assert set(endpoints().values()) == {"http://emulator:4566"}


@pytest.mark.parametrize("service", ["S3", "DYNAMODB", "SQS", "SNS"])
def test_service_endpoint_override_applies_to_that_service_only(
    environment: pytest.MonkeyPatch, service: str
) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://emulator:4566")
    environment.setenv(f"AWS_ENDPOINT_URL_{service}", "http://other:1")

    followers = {service, "STREAMS"} if service == "DYNAMODB" else {service}
    assert {name for name, url in endpoints().items() if url == "http://other:1"} == followers


def test_streams_may_have_another_endpoint_than_the_table(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB", "http://table:1")
    environment.setenv("AWS_ENDPOINT_URL_DYNAMODB_STREAMS", "http://streams:1")

    found = endpoints()

    assert (found["DYNAMODB"], found["STREAMS"]) == ("http://table:1", "http://streams:1")


def test_presigned_urls_use_the_public_endpoint(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL", "http://localstack:4566")
    environment.setenv("TINYPIXO_PUBLIC_S3_ENDPOINT", "http://localhost:4566")

    assert signed_url().startswith("http://localhost:4566/tinypixo-files/outputs/1?")
    assert endpoints()["S3"] == "http://localstack:4566"


def test_presigned_urls_on_aws_have_the_bucket_in_the_host(environment: pytest.MonkeyPatch) -> None:
    assert signed_url().startswith(
        "https://tinypixo-files.s3.eu-central-1.amazonaws.com/outputs/1?"
    )
