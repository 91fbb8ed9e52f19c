"""Load the AWS templates, and resolve the conditions that tests ask about."""

from pathlib import Path
from typing import Any

from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped]

FOLDER = Path(__file__).resolve().parents[2] / "deploy" / "aws"
TEMPLATES = sorted(path.name for path in FOLDER.glob("*.yaml"))


def template(name: str) -> Any:
    """Return a template of `deploy/aws`, or `data.yaml`."""
    return load(str(FOLDER / name if (FOLDER / name).exists() else FOLDER.parent / name))


def listed(value: Any) -> list[Any]:
    """Return a value that may be one or a list as a list."""
    return value if isinstance(value, list) else [value]


def chosen(value: Any, holds: dict[str, bool]) -> Any:
    """Return the value with each Fn::If replaced by the branch of its condition."""
    if value == {"Ref": "AWS::NoValue"}:
        return None
    if isinstance(value, dict):
        if "Fn::If" in value:
            condition, yes, no = value["Fn::If"]
            return chosen(yes if holds.get(condition, False) else no, holds)
        members = {key: chosen(member, holds) for key, member in value.items()}
        return {key: member for key, member in members.items() if member is not None}
    if isinstance(value, list):
        return [found for each in value if (found := chosen(each, holds)) is not None]
    return value


def statements_of(role: Any) -> list[Any]:
    """Return the statements of a role's policies."""
    policies = role["Properties"]["Policies"]
    return [each for policy in policies for each in policy["PolicyDocument"]["Statement"]]
