"""Complete the check of IAM policies.

With `AUTH=true` MiniStack refuses what the policies of an IAM user do not allow. It does not know
the ARN of a stream in requests to DynamoDB Streams, the permissions of SQS's batches, nor the
condition key `dynamodb:LeadingKeys`. A key that it does not know is absent, and a condition with
`ForAllValues` is then true: here it is an error. To a user that may not list the bucket, S3 answers
403 for a missing object, and not 404.

Upstream would have to add the three to `iam_actions`, refuse policies with unknown keys, and look
at `s3:ListBucket` in `s3.handle_request`.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ministack.core import iam_actions, iam_evaluator, responses, router
from ministack.services import dynamodb, dynamodb_streams, iam, s3

from deploy.local.emulator import principals

LEADING_KEYS = "dynamodb:LeadingKeys"

UNKNOWN = "\0"
"""A leading key that no policy allows, for requests whose keys are not determined here."""


def apply(decisions: Path) -> None:
    """Replace MiniStack's functions that describe a request to the policies.

    Args:
        decisions: A file that gets one line for each action of a user that was allowed or denied,
            when that happens for the first time.
    """
    _refuse_unknown_conditions()
    _name_streams()
    _name_batches()
    _add_leading_keys()
    _hide_missing_objects()
    _record(decisions)


def _refuse_unknown_conditions() -> None:
    resolve = iam_evaluator._resolve_condition_key
    has_own_policies = ("User", "AssumedRole")

    def resolve_known(key: str, context: Any) -> Any:
        value = resolve(key, context)
        is_known = value is not None or key.lower() == LEADING_KEYS.lower()
        if not is_known and context.principal_type in has_own_policies:
            raise NotImplementedError(f"the emulator does not know the condition key {key}")
        return value

    iam_evaluator._resolve_condition_key = resolve_known


def _name_streams() -> None:
    extract = iam_actions.extract_resource_arn

    def extract_with_streams(service: str, *request: Any) -> str:
        if service == "dynamodbstreams":
            _method, _path, _headers, body, *_ = request
            return stream_arn(json.loads(body or b"{}"))
        return str(extract(service, *request))

    iam_actions.extract_resource_arn = extract_with_streams


def _name_batches() -> None:
    extract = iam_actions.extract_iam_action

    def extract_of_one(service: str, *request: Any) -> str | None:
        action: str | None = extract(service, *request)
        # DeleteMessageBatch needs the permission of DeleteMessage, and so on.
        return action.removesuffix("Batch") if service == "sqs" and action else action

    iam_actions.extract_iam_action = extract_of_one


def stream_arn(request: dict[str, Any]) -> str:
    """Return the ARN of the stream that a request names, by itself or by an iterator."""
    iterator = dynamodb_streams._decode_iterator(request.get("ShardIterator", "")) or {}
    return str(request.get("StreamArn") or iterator.get("arn") or "*")


def _add_leading_keys() -> None:
    describe = iam_actions.dynamodb_service_context

    def describe_with_keys(body: bytes) -> dict[str, Any]:
        keys = list(leading_keys(json.loads(body or b"{}")))
        return {**describe(body), **({LEADING_KEYS: keys} if keys else {})}

    iam_actions.dynamodb_service_context = describe_with_keys


def leading_keys(request: dict[str, Any]) -> Iterator[str]:
    """Yield the partition keys that a request names; `UNKNOWN` for a query."""
    if "KeyConditionExpression" in request or "KeyConditions" in request:
        yield UNKNOWN
    for member in request.get("TransactItems", []):
        for operation in member.values():
            yield from leading_keys(operation)
    for name, wanted in request.get("RequestItems", {}).items():
        found = wanted["Keys"] if isinstance(wanted, dict) else map(_key_of_write, wanted)
        for key in found:
            yield from leading_keys({"TableName": name, "Key": key})
    if key := request.get("Key") or request.get("Item"):
        table = dynamodb._tables.get(request["TableName"]) or {}
        value = key.get(table.get("pk_name"), {})
        yield str(next(iter(value.values()), UNKNOWN))


def _key_of_write(write: dict[str, Any]) -> Any:
    return write["PutRequest"]["Item"] if "PutRequest" in write else write["DeleteRequest"]["Key"]


def _hide_missing_objects() -> None:
    handle_request = s3.handle_request

    async def handle(
        method: str, path: str, headers: Any, body: bytes, query: Any, *rest: Any, **more: Any
    ) -> Any:
        answer = await handle_request(method, path, headers, body, query, *rest, **more)
        bucket, _, key = path.strip("/").partition("/")
        is_missing = method in ("GET", "HEAD") and answer[0] == 404 and key
        # Other requests with an object's key, such as ListParts, have permissions of their own.
        if is_missing and "uploadId" not in query:
            user = router.extract_access_key_id(headers, query)
            if not principals.is_allowed(user, "s3:ListBucket", f"arn:aws:s3:::{bucket}"):
                return s3._error("AccessDenied", "Access Denied", 403, path)
        return answer

    s3.handle_request = handle


def _record(decisions: Path) -> None:
    enforce = iam_evaluator.enforce
    seen: set[tuple[str, str, bool]] = set()

    def enforce_and_record(
        access_key_id: str, action: str, service: str, region: str, **request: Any
    ) -> Any:
        denied = enforce(access_key_id, action, service, region, **request)
        if isinstance(denied, iam_evaluator.AuthError) or action.startswith("iam:"):
            return denied
        key = iam._access_keys.get_scoped(responses.get_account_id(), None, access_key_id)
        decision = ((key or {}).get("UserName", ""), action, denied is None)
        if key and decision not in seen:
            seen.add(decision)
            user, action, is_allowed = decision
            line = {"user": user, "action": action, "allowed": is_allowed}
            with decisions.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**line, "resource": request.get("resource_arn", "*")}))
                file.write("\n")
        return denied

    iam_evaluator.enforce = enforce_and_record
