"""Test that the emulator allows an IAM user what its policies allow, and nothing else."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from deploy.local.bootstrap import StackOutputs
from deploy.local.emulator.process import MiniStack
from tests.deploy.emulator.support import ORIGIN, client_factory, deploy

pytestmark = pytest.mark.stack

CONFIG = Config(
    signature_version="s3v4",
    retries={"total_max_attempts": 1},
    s3={"addressing_style": "path"},
)


class User:
    """Hold an emulator, and a user whose policy tests replace."""

    def __init__(self, emulator: MiniStack) -> None:
        self.emulator = emulator
        self.data: StackOutputs = deploy(emulator)
        self.root = client_factory(emulator)
        self._iam = self.root("iam")
        self._iam.create_user(UserName="service")
        key = self._iam.create_access_key(UserName="service")["AccessKey"]
        self._session: Any = boto3.Session(
            key["AccessKeyId"], key["SecretAccessKey"], region_name="eu-west-1"
        )

    def may(self, action: str, resource: str, **condition: Any) -> None:
        """Allow this action on this resource, and nothing else."""
        statement = {"Effect": "Allow", "Action": action, "Resource": resource, **condition}
        document = {"Version": "2012-10-17", "Statement": [statement]}
        self._iam.put_user_policy(
            UserName="service", PolicyName="policy", PolicyDocument=json.dumps(document)
        )

    def client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.emulator.endpoint_url, config=CONFIG)


@pytest.fixture(scope="module")
def user(venv: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[User]:
    with MiniStack(venv, tmp_path_factory.mktemp("data"), origins=[ORIGIN]) as emulator:
        yield User(emulator)


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as raised:
        call(**arguments)
    return str(raised.value.response["Error"]["Code"])


def test_an_action_and_its_resource_are_compared(user: User) -> None:
    bucket, s3 = user.data.bucket_name, user.client("s3")
    user.may("s3:PutObject", f"{user.data.bucket_arn}/outputs/*")

    s3.put_object(Bucket=bucket, Key="outputs/1", Body=b"sound")

    assert refused(s3.put_object, Bucket=bucket, Key="uploads/1", Body=b"") == "AccessDenied"
    assert refused(s3.get_object, Bucket=bucket, Key="outputs/1") == "AccessDenied"
    assert refused(s3.list_objects_v2, Bucket=bucket) == "AccessDenied"
    url = user.data.conversion_inbox_url
    assert "AccessDenied" in refused(user.client("sqs").receive_message, QueueUrl=url)


def test_a_presigned_url_has_the_permissions_of_its_signer(user: User) -> None:
    bucket, s3 = user.data.bucket_name, user.client("s3")
    user.root("s3").put_object(Bucket=bucket, Key="outputs/2", Body=b"sound")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": bucket, "Key": "outputs/2"})

    user.may("s3:GetObject", f"{user.data.bucket_arn}/uploads/*")
    assert httpx.get(url).status_code == 403

    user.may("s3:GetObject", f"{user.data.bucket_arn}/outputs/*")
    assert httpx.get(url).content == b"sound"


def test_a_form_has_the_permissions_of_its_signer(user: User) -> None:
    form = user.client("s3").generate_presigned_post(user.data.bucket_name, "uploads/3")

    def send() -> int:
        files = {"file": b"sound"}
        return httpx.post(form["url"], data=form["fields"], files=files).status_code

    user.may("s3:PutObject", f"{user.data.bucket_arn}/outputs/*")
    assert send() == 403

    user.may("s3:PutObject", f"{user.data.bucket_arn}/uploads/*")
    assert send() == 204


def test_a_missing_object_is_forbidden_to_who_may_not_list(user: User) -> None:
    missing = {"Bucket": user.data.bucket_name, "Key": "outputs/missing"}
    user.may("s3:GetObject", f"{user.data.bucket_arn}/*")

    assert refused(user.client("s3").head_object, **missing) == "403"
    assert refused(user.client("s3").get_object, **missing) == "AccessDenied"
    assert refused(user.root("s3").head_object, **missing) == "404"


def test_leading_keys_are_compared_with_the_items_of_a_request(user: User) -> None:
    table, dynamodb = user.data.table_name, user.client("dynamodb")
    leases = {"ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["lease_*"]}}
    user.may("dynamodb:*", user.data.table_arn, Condition=leases)

    def update(key: str) -> Any:
        return dynamodb.update_item(
            TableName=table,
            Key={"pk": {"S": key}},
            UpdateExpression="SET holder = :holder",
            ExpressionAttributeValues={":holder": {"S": "test"}},
        )

    update("lease_sweep")

    other = {"pk": {"S": "upl_1"}}
    lease = {"pk": {"S": "lease_sweep"}}
    put = {"Put": {"TableName": table, "Item": other}}
    write = {"DeleteRequest": {"Key": other}}
    calls = [
        lambda: update("upl_1"),
        lambda: dynamodb.batch_get_item(RequestItems={table: {"Keys": [lease, other]}}),
        lambda: dynamodb.batch_write_item(RequestItems={table: [write]}),
        lambda: dynamodb.transact_write_items(TransactItems=[put]),
    ]
    for call in calls:
        assert "AccessDenied" in refused(call)


def test_stream_is_a_resource_of_its_own(user: User) -> None:
    streams, arn = user.client("dynamodbstreams"), user.data.table_stream_arn
    user.may("dynamodb:*", user.data.table_arn)
    assert "AccessDenied" in refused(streams.describe_stream, StreamArn=arn)

    user.may("dynamodb:*", f"{user.data.table_arn}/stream/*")

    shards = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
    start = streams.get_shard_iterator(
        StreamArn=arn, ShardId=shards[0]["ShardId"], ShardIteratorType="LATEST"
    )
    assert streams.get_records(ShardIterator=start["ShardIterator"])["Records"] == []


def test_a_batch_of_messages_needs_the_permission_of_one(user: User) -> None:
    sqs, url = user.client("sqs"), user.data.janitor_inbox_url
    batch = {"QueueUrl": url, "Entries": [{"Id": "1", "ReceiptHandle": "unknown"}]}
    user.may("sqs:ReceiveMessage", user.data.janitor_inbox_arn)
    assert "AccessDenied" in refused(sqs.delete_message_batch, **batch)

    user.may("sqs:DeleteMessage", user.data.janitor_inbox_arn)

    assert len(sqs.delete_message_batch(**batch)["Failed"]) == 1


def test_an_unknown_condition_key_is_an_error(user: User) -> None:
    condition = {"ForAllValues:StringLike": {"dynamodb:Nonsense": ["x"]}}
    user.may("dynamodb:GetItem", user.data.table_arn, Condition=condition)

    get = user.client("dynamodb").get_item
    code = refused(get, TableName=user.data.table_name, Key={"pk": {"S": "upl_1"}})

    assert code == "500"
    assert "does not know the condition key dynamodb:Nonsense" in user.emulator.log.read_text()
