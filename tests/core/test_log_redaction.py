"""Keep secrets out of logs: those that we log by mistake, and those that libraries log."""

import logging
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import structlog
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from libs.core.telemetry import without_secrets
from tests.core.logs import Logs

SECRET = "s3cr3t/With+Base64=="
URL = "https://bucket.s3.eu-central-1.amazonaws.com/uploads/upl_1/source"

TEXTS = {
    "a presigned URL by SigV4": f"GET {URL}?X-Amz-Algorithm=AWS4-HMAC-SHA256"
    f"&X-Amz-Credential={SECRET}&X-Amz-Security-Token={SECRET}"
    f"&X-Amz-Signature={SECRET}&partNumber=3",
    "a presigned URL by SigV2": f"{URL}?AWSAccessKeyId={SECRET}&Signature={SECRET}&Expires=1",
    "a cookie header": f"Cookie: theme=dark; session={SECRET}; other={SECRET}",
    "a quoted cookie": f'Cookie: theme="dark"; session="{SECRET}"; other={SECRET}',
    "cookies with a quote": f"Cookie: theme=it's; other={SECRET}",
    "a quoted cookie in JSON": f'{{"cookie": "theme=1; session=\\"{SECRET}\\"; x={SECRET}"}}',
    "a quoted cookie in a Python dict": f"{{'cookie': 'session=\"{SECRET}\"', 'x': 1}}",
    "a digest authorization": f'Authorization: Digest username="me", response="{SECRET}"',
    "a cookie in pieces": f"session-0={SECRET}; session-1={SECRET}",
    "a cookie that is set": f"Set-Cookie: session={SECRET}; HttpOnly; Path=/",
    "headers as ASGI has them": f"[(b'cookie', b'session={SECRET}'), "
    f"(b'authorization', b'Bearer {SECRET}')]",
    "headers in a Python dict": f"{{'Cookie': 'session={SECRET}', "
    f"'X-Amz-Security-Token': b'{SECRET}'}}",
    "a bearer token": f"authorization: bearer {SECRET}",
    "a bearer token in a sentence": f"refused Bearer {SECRET} of a stranger",
    "a basic authorization": f"Authorization: Basic {SECRET}",
    "a signed request": "Authorization: AWS4-HMAC-SHA256 "
    f"Credential={SECRET}/20260101/s3/aws4_request, SignedHeaders=host, Signature={SECRET}",
    "a canonical request": f"host:sqs.amazonaws.com\nx-amz-security-token:{SECRET}\n\nhost",
    "a receipt handle in JSON": f'{{"QueueUrl": "https://sqs/1/q", "ReceiptHandle": "{SECRET}"}}',
    "a receipt handle in XML": f"<ReceiptHandle>{SECRET}</ReceiptHandle>",
    "a receipt handle as an argument": f"Message(body='x', receipt_handle='{SECRET}')",
    "the answer with a token": f'{{"token": "{SECRET}", "expires_at": "2026-01-01T00:00:00Z"}}',
    "credentials in the environment": f"AWS_SECRET_ACCESS_KEY={SECRET} AWS_SESSION_TOKEN={SECRET}",
    "credentials as AWS answers": f'{{"SecretAccessKey": "{SECRET}", "SessionToken": "{SECRET}"}}',
    "credentials as arguments": f"secret_access_key='{SECRET}', session_token='{SECRET}'",
    "the session secret in the environment": f"TINYPIXO_SESSION_SECRET={SECRET}",
    "the janitor's token in the environment": f"TINYPIXO_JANITOR_TOKEN={SECRET}",
    "the origin's secret as a header": f"X-Origin-Secret: {SECRET}",
    "our secrets in JSON": f'{{"session_secret": "{SECRET}", "janitor_token": "{SECRET}"}}',
    "secrets in JSON within JSON": f'{{"body": "{{\\"token\\": \\"{SECRET}\\"}}"}}',
    "a header in JSON within JSON": f'{{"body": "{{\\"cookie\\": \\"a={SECRET}; b\\"}}"}}',
    "a list of values": f"{{'x-origin-secret': ['{SECRET}', '{SECRET}'], 'age': 3}}",
    "pairs of values": f"token=[('a', '{SECRET}'), ('b', '{SECRET}')]",
    "a list of values in JSON": f'{{"token": ["{SECRET}", "{SECRET}"]}}',
    "our secrets as arguments": f"Settings(session_secret='{SECRET}', janitor_token='{SECRET}')",
}


def raise_with(text: str) -> None:
    raise ValueError(text)


WAYS: dict[str, Callable[[str], None]] = {
    "an event of ours": lambda text: structlog.get_logger().warning("it.failed", reason=text),
    "deep in an event": lambda text: structlog.get_logger().warning(
        "it.failed", tried=[{"with": (text,)}]
    ),
    "an exception as a value": lambda text: structlog.get_logger().warning(
        "it.failed", error=ValueError(text)
    ),
    "bytes as a value": lambda text: structlog.get_logger().warning(
        "it.failed", body=text.encode()
    ),
    "a library's line": lambda text: logging.getLogger("library").warning("It failed: %s", text),
    "a library's debug line": lambda text: logging.getLogger("library").debug(text),
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_no_secret_is_logged(logs: Logs, way: Callable[[str], None], text: str) -> None:
    way(text)

    assert "[redacted]" in logs.text
    assert "s3cr3t" not in logs.text


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
@pytest.mark.parametrize("logger", ["ours", "a library's"])
def test_no_secret_is_logged_with_a_traceback(logs: Logs, logger: str, text: str) -> None:
    try:
        raise_with(text)
    except ValueError:
        if logger == "ours":
            structlog.get_logger().exception("it.failed")
        else:
            logging.getLogger("library").exception("It failed")

    assert "Traceback" in logs.text
    assert "raise_with" in logs.text
    assert "s3cr3t" not in logs.text


@pytest.mark.parametrize("style", ["json"])
@pytest.mark.parametrize(
    "name",
    [
        "token",
        "Authorization",
        "cookie",
        "receipt_handle",
        "ReceiptHandle",
        "session_secret",
        "janitor_token",
        "TINYPIXO_SESSION_SECRET",
        "TINYPIXO_JANITOR_TOKEN",
    ],
)
def test_a_value_with_a_secret_name_is_redacted(logs: Logs, name: str) -> None:
    structlog.get_logger().info("it.happened", **{name: SECRET}, within={name: SECRET.encode()})

    assert (logs.last[name], logs.last["within"]) == ("[redacted]", {name: "[redacted]"})


@pytest.mark.parametrize("name", ["X-Origin-Secret", b"x-origin-secret", b"cookie"])
@pytest.mark.parametrize("kind", [tuple, list])
@pytest.mark.parametrize("value", [SECRET, SECRET.encode(), [SECRET]])
def test_a_pair_with_a_secret_name_is_redacted(
    logs: Logs, kind: type[Any], name: str | bytes, value: Any
) -> None:
    pair, other = kind([name, value]), kind([b"host", b"example.com"])

    structlog.get_logger().info("it.happened", headers=[other, pair], header=pair)

    assert logs.text.count("[redacted]") == 2
    assert "example.com" in logs.text
    assert "s3cr3t" not in logs.text


@pytest.mark.parametrize("style", ["json"])
@pytest.mark.parametrize("name", ["session", "__Host-session", "__Host-session-0"])
def test_a_cookie_is_redacted_by_each_of_its_names(logs: Logs, name: str) -> None:
    structlog.get_logger().info("it.happened", cookies={name: SECRET, "theme": "dark"})

    assert logs.last["cookies"] == {name: "[redacted]", "theme": "dark"}

    structlog.get_logger().info("it.happened", **{name: SECRET})

    assert logs.last[name] == "[redacted]"


def test_a_name_of_a_secret_in_bytes_is_recognized(logs: Logs) -> None:
    structlog.get_logger().info("it.happened", headers={b"x-origin-secret": SECRET.encode()})

    assert "[redacted]" in logs.text
    assert "s3cr3t" not in logs.text


@pytest.mark.parametrize("style", ["json"])
def test_other_values_are_logged_unchanged(logs: Logs) -> None:
    values = {
        "url": f"{URL}?partNumber=3&uploadId=abc",
        "reason": "ReadTimeout: the session of the table, a token of respect",
        "took_ms": 1.5,
        "ready": True,
        "parts": [1, 2],
        "pair": ["session of", "the table"],
        "nothing": None,
    }

    structlog.get_logger().info("it.happened", **values)

    assert {name: logs.last[name] for name in values} == values


def test_the_text_around_a_secret_is_kept() -> None:
    text = f"PUT {URL}?X-Amz-Signature={SECRET}&partNumber=3 took 12 ms"

    assert without_secrets(text) == f"PUT {URL}?X-Amz-Signature=[redacted]&partNumber=3 took 12 ms"


class EmptyBody:
    """Stand in for the body of a response without members."""

    def stream(self, **_options: Any) -> Iterator[bytes]:
        yield b"{}"


def answer(request: Any, **_arguments: Any) -> Any:
    return AWSResponse(request.url, 200, HTTPHeaders(), EmptyBody())


@pytest.mark.parametrize("style", ["json"])
def test_the_debug_lines_of_botocore_have_no_secret(logs: Logs) -> None:
    logging.getLogger("botocore").setLevel(logging.DEBUG)
    session = boto3.Session("AKIAs3cr3t", "s3cr3t", "s3cr3t/token", region_name="eu-central-1")
    client = session.client("sqs", endpoint_url="http://localhost:1")
    client.meta.events.register("before-send.sqs", answer)

    client.delete_message(QueueUrl="http://localhost:1/1/q", ReceiptHandle="s3cr3t+handle/==")

    assert "AmazonSQS.DeleteMessage" in logs.text  # it did log the request
    assert "s3cr3t" not in logs.text
