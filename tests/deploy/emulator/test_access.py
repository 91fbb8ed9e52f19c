"""Test that web pages and other programs cannot use the emulator of `make run`."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import ORIGIN, client_factory, deploy

pytestmark = pytest.mark.stack

FOREIGN = "https://example.org"
OBJECT = "outputs/cnv_1"
DELETE_STACK = {"Action": "DeleteStack", "StackName": "tinypixo"}
INBOX = "tinypixo-janitor-inbox"
REFUSED = re.compile("SignatureDoesNotMatch|InvalidAccessKeyId|403")


class Target:
    """Hold an emulator with an object in its bucket."""

    def __init__(self, emulator: MiniStack) -> None:
        self.emulator = emulator
        self.stack = deploy(emulator)
        self.s3 = client_factory(emulator)("s3")
        self.s3.put_object(Bucket=self.stack.bucket_name, Key=OBJECT, Body=b"bytes")
        self.url = f"{emulator.endpoint_url}/{self.stack.bucket_name}/{OBJECT}"

    def presigned(self, method: str = "get_object") -> str:
        params = {"Bucket": self.stack.bucket_name, "Key": OBJECT}
        return str(self.s3.generate_presigned_url(method, Params=params))

    def is_unchanged(self) -> bool:
        stored = self.s3.get_object(Bucket=self.stack.bucket_name, Key=OBJECT)["Body"].read()
        return bool(stored == b"bytes")


@pytest.fixture(scope="module")
def shared(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """Run one emulator for all tests, because none of them may change anything."""
    with MiniStack(venv, tmp_path_factory.mktemp("data"), origins=[ORIGIN]) as emulator:
        yield Target(emulator)


@pytest.fixture
def target(shared: Target) -> Iterator[Target]:
    yield shared
    assert shared.is_unchanged()


def dynamodb(url: str, action: str, **headers: str) -> httpx.Response:
    """Call DynamoDB as a web page can, without a signature."""
    target = {"X-Amz-Target": f"DynamoDB_20120810.{action}"}
    return httpx.post(url, content=json.dumps({}), headers={**target, **headers})


@pytest.mark.parametrize(
    "origin", [{}, {"Origin": FOREIGN}, {"Origin": ORIGIN}, {"Origin": "null"}]
)
def test_unsigned_requests_are_refused(target: Target, origin: dict[str, str]) -> None:
    endpoint = target.emulator.endpoint_url
    answers = [
        httpx.get(target.url, headers=origin),
        httpx.put(target.url, content=b"changed", headers=origin),
        httpx.delete(target.url, headers=origin),
        httpx.get(endpoint, headers=origin),
        dynamodb(endpoint, "ListTables", **origin),
        httpx.post(endpoint, data={"Action": "ListQueues"}, headers=origin),
        httpx.post(endpoint, data={"Action": "DeleteStack"}, headers=origin),
        httpx.get(f"{endpoint}/000000000000/inbox?Action=PurgeQueue", headers=origin),
    ]

    assert [answer.status_code for answer in answers] == [403] * len(answers)
    for answer in answers:
        assert answer.headers.get("access-control-allow-origin") in (None, ORIGIN)


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE"])
@pytest.mark.parametrize(
    "path",
    ["/_ministack/reset", "/_ministack/state", "/_localstack/health", "/_aws/sqs/messages", "/_x"],
)
def test_administration_paths_are_refused(target: Target, path: str, method: str) -> None:
    answer = httpx.request(method, target.emulator.endpoint_url + path)

    assert answer.status_code == 403


@pytest.mark.parametrize(
    ("key", "secret"), [("test", "test"), ("000000000000", "test"), ("a", "b")]
)
def test_other_credentials_are_refused(target: Target, key: str, secret: str) -> None:
    session: Any = boto3.Session(key, secret, region_name="eu-west-1")
    config = Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1})

    for service, call in [
        ("s3", "list_buckets"),
        ("dynamodb", "list_tables"),
        ("sqs", "list_queues"),
        ("sns", "list_topics"),
        ("cloudformation", "list_stacks"),
        ("iam", "list_users"),
        ("sts", "get_caller_identity"),
    ]:
        client = session.client(service, endpoint_url=target.emulator.endpoint_url, config=config)
        with pytest.raises(ClientError, match=REFUSED):
            getattr(client, call)()
        client.close()


def test_presigned_url_works_for_our_page_only(target: Target) -> None:
    url = target.presigned()

    ours = httpx.get(url, headers={"Origin": ORIGIN})
    foreign = httpx.get(url, headers={"Origin": FOREIGN})
    navigation = httpx.get(url)

    assert (ours.status_code, ours.content) == (200, b"bytes")
    assert ours.headers["access-control-allow-origin"] == ORIGIN
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers
    assert navigation.status_code == 200


def test_presigned_url_of_a_part_copies_no_other_object(target: Target) -> None:
    """S3 refuses unsigned headers of its own, because they change what a request does."""
    name = {"Bucket": target.stack.bucket_name, "Key": "uploads/upl_1/source"}
    part = {**name, "UploadId": target.s3.create_multipart_upload(**name)["UploadId"]}
    url = target.s3.generate_presigned_url("upload_part", Params={**part, "PartNumber": 1})
    source = {"x-amz-copy-source": f"/{target.stack.bucket_name}/{OBJECT}"}

    answer = httpx.put(url, headers=source)

    assert (answer.status_code, "not signed" in answer.text) == (403, True)
    assert "Parts" not in target.s3.list_parts(**part)
    assert httpx.put(url, content=b"bytes").status_code == 200
    target.s3.abort_multipart_upload(**part)


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("{bucket}?delete", {}),
        ("?Action=ListUsers", {}),
        ("{bucket}/uploads/x?uploads", {}),
        ("{bucket}", {"X-Amz-Target": "DynamoDB_20120810.ListTables"}),
    ],
)
def test_a_signed_form_does_nothing_but_store_its_file(
    target: Target, path: str, headers: dict[str, str]
) -> None:
    """A form in front of or inside of another document once counted as its signature."""
    bucket = target.stack.bucket_name
    form = target.s3.generate_presigned_post(bucket, "uploads/upl_1/source")
    parts = "".join(
        f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in [*form["fields"].items(), ("file", "x")]
    )
    delete = f"<Delete><Object><Key>{OBJECT}</Key></Object><X><![CDATA[{parts}--B--]]></X></Delete>"

    answer = httpx.post(
        f"{target.emulator.endpoint_url}/{path.format(bucket=bucket)}",
        content=delete,
        headers={"Content-Type": "multipart/form-data; boundary=B", **headers},
    )

    assert answer.status_code == 403


@pytest.mark.parametrize("method", ["PUT", "GET"])
def test_preflight_is_answered_for_our_page_only(target: Target, method: str) -> None:
    asked = {"Access-Control-Request-Method": method}

    ours = httpx.options(target.url, headers={"Origin": ORIGIN, **asked})
    foreign = httpx.options(target.url, headers={"Origin": FOREIGN, **asked})

    assert ours.status_code == 200
    assert ours.headers["access-control-allow-origin"] == ORIGIN
    assert foreign.status_code == 403
    assert "access-control-allow-origin" not in foreign.headers


def test_preflight_for_deleting_is_refused(target: Target) -> None:
    headers = {"Origin": ORIGIN, "Access-Control-Request-Method": "DELETE"}

    answer = httpx.options(target.url, headers=headers)

    assert "DELETE" not in answer.headers.get("access-control-allow-methods", "")


def test_request_by_another_host_name_is_refused(target: Target) -> None:
    answer = httpx.get(target.presigned(), headers={"Host": f"example.org:{target.emulator.port}"})

    assert answer.status_code == 403


def test_emulator_listens_on_loopback_only(target: Target) -> None:
    emulator = target.emulator
    inodes = {
        str(link.readlink())[8:-1]
        for link in Path(f"/proc/{emulator.pid}/fd").iterdir()
        if link.is_symlink() and str(link.readlink()).startswith("socket:[")
    }
    rows = [
        line.split()
        for table in ("tcp", "tcp6", "udp", "udp6")
        for line in Path(f"/proc/{emulator.pid}/net/{table}").read_text().splitlines()[1:]
    ]
    listening = "0A"
    addresses = [row[1] for row in rows if row[9] in inodes and row[3] in (listening, "07")]

    assert addresses == [f"0100007F:{emulator.port:04X}"]
