"""Sign requests on a host whose clock is 10 minutes off (fault 40).

The fake AWS tells and demands another time, which to the client is the same as a wrong clock.
"""

import time
from calendar import timegm
from collections.abc import Iterator
from email.utils import formatdate
from typing import Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from structlog.testing import capture_logs

from libs.core.adapters.aws import clients
from libs.core.adapters.aws.clock import CLOCK, AwsClock
from libs.core.adapters.aws.url_signer import S3UrlSigner

MINUTES = 60
DYNAMODB_LIMIT = 5 * MINUTES


class ResponseBody:
    """Stand in for a response body, as botocore reads it."""

    def __init__(self, text: str) -> None:
        self._text = text

    def stream(self, *_: Any) -> Iterator[bytes]:
        return iter([self._text.encode()])


class FakeAws:
    """Answer DynamoDB requests, and refuse those that are signed more than 5 minutes off."""

    def __init__(self, ahead: float) -> None:
        self.ahead = ahead
        self.statuses: list[int] = []

    def now(self) -> float:
        return time.time() + self.ahead

    def answer(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        signed = request.headers["X-Amz-Date"]
        text = signed.decode() if isinstance(signed, bytes) else signed
        signed_at = timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))
        is_right = abs(signed_at - self.now()) <= DYNAMODB_LIMIT
        self.statuses.append(200 if is_right else 400)
        headers = HTTPHeaders()
        headers["Date"] = formatdate(self.now(), usegmt=True)
        refused = '{"__type": "com.amazon.coral.service#InvalidSignatureException"}'
        body = "{}" if is_right else refused
        return AWSResponse(request.url, self.statuses[-1], headers, ResponseBody(body))


@pytest.fixture(autouse=True)
def _right_clock() -> Iterator[None]:
    yield
    CLOCK.skew = 0.0


@pytest.fixture
def session(monkeypatch: pytest.MonkeyPatch) -> boto3.Session:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIATEST")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    return clients.aws_session("eu-central-1")


def dynamodb(session: boto3.Session, aws: FakeAws) -> Any:
    client: Any = clients.dynamodb_client(session)
    client.meta.events.register("before-send.dynamodb", aws.answer)
    return client


def get(client: Any) -> Any:
    return client.get_item(TableName="table", Key={"pk": "x"})


@pytest.mark.parametrize("ahead", [-10 * MINUTES, 10 * MINUTES, -10 * 3600, 3 * 24 * 3600])
def test_a_request_refused_for_its_time_is_repeated_with_the_right_time(
    session: boto3.Session, ahead: float
) -> None:
    aws = FakeAws(ahead)
    client = dynamodb(session, aws)

    with capture_logs() as logs:
        get(client)
        get(client)

    assert aws.statuses == [400, 200, 200], "only the first was refused"
    assert abs(CLOCK.skew - ahead) < 5
    assert [entry["event"] for entry in logs] == ["clock.skewed"]


@pytest.mark.parametrize("ahead", [-10 * MINUTES, 10 * MINUTES])
def test_presigned_urls_have_the_right_time(session: boto3.Session, ahead: float) -> None:
    aws = FakeAws(ahead)
    get(dynamodb(session, aws))

    url = S3UrlSigner(clients.s3_client(session, path_style=False), "music").sign_download(
        "outputs/x/1.mp3", "a.mp3", "audio/mpeg", 600
    )

    [signed] = parse_qs(urlsplit(url).query)["X-Amz-Date"]
    assert abs(timegm(time.strptime(signed, "%Y%m%dT%H%M%SZ")) - aws.now()) < 5


def test_a_clock_that_is_put_right_is_followed(session: boto3.Session) -> None:
    aws = FakeAws(10 * MINUTES)
    client = dynamodb(session, aws)
    get(client)
    aws.ahead = 0.0

    get(client)

    assert CLOCK.skew == 0.0
    assert aws.statuses == [400, 200, 400, 200]


def test_a_refusal_for_another_reason_is_not_repeated(session: boto3.Session) -> None:
    client: Any = clients.dynamodb_client(session)
    sent: list[str] = []

    def refuse(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        sent.append(request.url)
        headers = HTTPHeaders()
        headers["Date"] = formatdate(time.time(), usegmt=True)
        body = '{"__type": "com.amazon.coral.service#InvalidSignatureException"}'
        return AWSResponse(request.url, 400, headers, ResponseBody(body))

    client.meta.events.register("before-send.dynamodb", refuse)

    with pytest.raises(client.exceptions.ClientError):
        get(client)
    assert len(sent) == 1


@pytest.mark.parametrize("seconds", [-59.0, 0.0, 59.0])
def test_a_small_difference_is_tolerated(seconds: float) -> None:
    clock = AwsClock(lambda: 1_000_000_000.0)

    clock.observe(formatdate(1_000_000_000 + seconds, usegmt=True))

    assert clock.skew == 0.0


@pytest.mark.parametrize("date", ["", "yesterday", "Thu, 99 Nov 2026 02:00:00 GMT"])
def test_a_date_that_cannot_be_read_changes_nothing(date: str) -> None:
    clock = AwsClock()

    clock.observe(date)

    assert clock.skew == 0.0
