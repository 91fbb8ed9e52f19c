"""Give each service of the embedded stack the permissions of its role on AWS, and no other."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from deploy.local import cloudformation
from deploy.local.credentials import Credentials

TEMPLATE = Path(__file__).resolve().parents[1] / "aws" / "roles.yaml"

ROLES: Mapping[str, Sequence[str]] = {
    "upload": ["upload"],
    "conversion": ["conversion", "worker"],
    "progress": ["progress"],
    "janitor": ["janitor"],
    "conversion-api": ["conversion"],
    "worker": ["worker"],
}
"""The roles of each user. The service `conversion` is both API and worker in the embedded stack;
where it has no slots, it is `conversion-api`."""


def create_users(
    client: Callable[[str], Any], name: str, region: str, roles: Mapping[str, Sequence[str]] = ROLES
) -> dict[str, Credentials]:
    """Deploy the roles, and create an IAM user with the policies of each.

    A role itself can only be assumed by ECS, which an emulator does not have.

    Args:
        client: Returns a boto3 client of the emulator, by the name of the service.
        name: The name of the data stack.
        region: The region in the names of the roles.
        roles: The names of the roles whose policies each user gets.

    Returns:
        The access key of each user. Keys of an earlier run become invalid.
    """
    template = TEMPLATE.read_text("utf-8")
    cloudformation.deploy(client("cloudformation"), f"{name}-roles", template, {"DataStack": name})
    iam = client("iam")
    return {
        user: _create_user(iam, f"{name}-{user}", [f"{name}-{each}-{region}" for each in names])
        for user, names in roles.items()
    }


def _create_user(iam: Any, user: str, roles: Sequence[str]) -> Credentials:
    present = {each["UserName"] for each in iam.list_users()["Users"]}
    if user not in present:
        iam.create_user(UserName=user)
    for role in roles:
        for policy in iam.list_role_policies(RoleName=role)["PolicyNames"]:
            found = iam.get_role_policy(RoleName=role, PolicyName=policy)["PolicyDocument"]
            iam.put_user_policy(UserName=user, PolicyName=policy, PolicyDocument=json.dumps(found))
    for key in iam.list_access_keys(UserName=user)["AccessKeyMetadata"]:
        iam.delete_access_key(UserName=user, AccessKeyId=key["AccessKeyId"])
    made = iam.create_access_key(UserName=user)["AccessKey"]
    return Credentials(made["AccessKeyId"], made["SecretAccessKey"])
