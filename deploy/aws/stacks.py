"""Deploy and delete CloudFormation stacks by change sets, which are shown before they run.

All state is in CloudFormation: a parameter that is not given keeps the value that the stack has.
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from deploy.errors import DeployError
from deploy.local import cloudformation

LONGEST = 3600.0
"""Seconds that one operation may take. CloudFront takes up to half an hour."""

IRREPLACEABLE = ("AWS::S3::Bucket", "AWS::DynamoDB::Table")
"""Types whose replacement loses files."""


@dataclass(frozen=True)
class ResourceChange:
    """Describe what a change set does to one resource."""

    action: str
    name: str
    kind: str
    replaces: bool

    def __str__(self) -> str:
        note = ", replaced" if self.replaces else ""
        return f"{self.action:<6} {self.kind} {self.name}{note}"


class Stacks:
    """Deploy, describe and delete the stacks of one account and region."""

    def __init__(self, client: Any, echo: Callable[[str], None], pause: float = 3.0) -> None:
        """Ask CloudFormation every `pause` seconds whether it is done."""
        self._client = client
        self._echo = echo
        self._pause = pause

    def outputs(self, name: str) -> dict[str, str]:
        """Return the outputs of a stack; none if there is no such stack."""
        return cloudformation.get_outputs(self._client, name)

    def parameters(self, name: str) -> dict[str, str]:
        """Return the parameters of a stack; none if there is no such stack."""
        stack = cloudformation.describe(self._client, name) or {}
        return {
            each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", [])
        }

    def status(self, name: str) -> str | None:
        """Return CloudFormation's status of a stack, None if there is no such stack."""
        stack = cloudformation.describe(self._client, name)
        return stack["StackStatus"] if stack else None

    def deploy(self, name: str, template: Path, given: Mapping[str, str]) -> dict[str, str]:
        """Bring a stack to a template and parameters, and return its outputs.

        Given parameters that the template does not declare are left out. Does nothing if nothing
        would change.

        Raises:
            DeployError: It failed and was rolled back, or would replace a bucket or a table.
        """
        text = template.read_text("utf-8")
        status = self._wait_until_stable(name)
        if status in cloudformation.DELETE_ONLY_STATES:
            self.delete(name)
            status = None
        present = self.parameters(name) if status else {}
        values = {key: given[key] for key in declared(text) if key in given}
        if status and self._is_current(name, text, values, present):
            self._echo(f"{name}: unchanged")
            return self.outputs(name)
        wanted: list[Any] = [
            {"ParameterKey": key, "ParameterValue": values[key]}
            if key in values
            else {"ParameterKey": key, "UsePreviousValue": True}
            for key in declared(text)
            if key in values or key in present
        ]
        self._change(name, text, wanted, creates=status is None)
        return self.outputs(name)

    def delete(self, name: str) -> None:
        """Delete a stack, and return when it is gone. Does nothing if there is none."""
        stack = cloudformation.describe(self._client, name)
        if stack is None:
            return
        self._echo(f"{name}: deleting")
        self._client.delete_stack(StackName=name)
        gone = self._wait_until_stable(stack["StackId"])
        if gone not in (None, "DELETE_COMPLETE"):
            raise DeployError(f"{name} is {gone}: {self._reasons(stack['StackId'])}")

    def resources(self, name: str) -> list[Any]:
        """Return the resources of a stack as CloudFormation lists them."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=name)
        return [each for page in pages for each in page["StackResourceSummaries"]]

    def _is_current(
        self, name: str, text: str, values: Mapping[str, str], present: Mapping[str, str]
    ) -> bool:
        """Return True if an update would change nothing. Not every emulator finds out by itself."""
        body = self._client.get_template(StackName=name, TemplateStage="Original")["TemplateBody"]
        return bool(body == text) and values.items() <= present.items()

    def _change(self, name: str, text: str, parameters: list[Any], *, creates: bool) -> None:
        created = self._client.create_change_set(
            StackName=name,
            ChangeSetName=f"deploy-{time.time_ns()}",
            ChangeSetType="CREATE" if creates else "UPDATE",
            TemplateBody=text,
            Parameters=parameters,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Tags=[{"Key": "tinypixo", "Value": name}],
        )
        change_set = self._await_change_set(created["Id"])
        if change_set["Status"] == "FAILED":
            self._client.delete_change_set(ChangeSetName=created["Id"])
            reason = change_set.get("StatusReason", "")
            if "didn't contain changes" in reason or "No updates" in reason:
                self._echo(f"{name}: unchanged")
                return
            raise DeployError(f"{name}: {reason}")
        changes = changes_of(change_set)
        self._echo(f"{name}: {'create' if creates else 'update'}")
        for change in changes:
            self._echo(f"    {change}")
        try:
            refuse_losses(name, changes)
        except DeployError:
            self._client.delete_change_set(ChangeSetName=created["Id"])
            raise
        self._client.execute_change_set(ChangeSetName=created["Id"])
        status = self._wait_until_stable(name)
        if status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            raise DeployError(f"{name} is {status}: {self._reasons(name)}")

    def _await_change_set(self, change_set_id: str) -> Any:
        found = self._poll(
            lambda: self._client.describe_change_set(ChangeSetName=change_set_id),
            lambda each: each["Status"] in ("CREATE_COMPLETE", "FAILED"),
        )
        while token := found.get("NextToken"):
            more = self._client.describe_change_set(ChangeSetName=change_set_id, NextToken=token)
            found = {**more, "Changes": [*found["Changes"], *more["Changes"]]}
        return found

    def _wait_until_stable(self, name: str) -> str | None:
        """Return the status when no operation is in progress. REVIEW_IN_PROGRESS is none."""
        stack = self._poll(
            lambda: cloudformation.describe(self._client, name),
            lambda each: (
                each is None
                or not each["StackStatus"].endswith("_IN_PROGRESS")
                or each["StackStatus"] == "REVIEW_IN_PROGRESS"
            ),
        )
        return stack["StackStatus"] if stack else None

    def _poll(self, ask: Callable[[], Any], is_done: Callable[[Any], bool]) -> Any:
        deadline = time.monotonic() + LONGEST
        while not is_done(found := ask()):
            if time.monotonic() > deadline:
                raise DeployError(f"CloudFormation has not ended after {LONGEST:.0f} s.")
            time.sleep(self._pause)
        return found

    def _reasons(self, name: str) -> str:
        try:
            events = self._client.describe_stack_events(StackName=name)["StackEvents"]
        except ClientError as error:
            return str(error)
        failed = [
            f"{each['LogicalResourceId']}: {each.get('ResourceStatusReason', 'no reason given')}"
            for each in events
            if each["ResourceStatus"].endswith("_FAILED")
        ]
        return "; ".join(failed[:5]) or "no reason given"


def declared(template: str) -> list[str]:
    """Return the names of the parameters that a template declares."""
    section = re.search(r"^Parameters:\n(.*?)^(?=\S)", template, re.MULTILINE | re.DOTALL)
    return re.findall(r"^  (\w+):$", section[1], re.MULTILINE) if section else []


def changes_of(change_set: Any) -> list[ResourceChange]:
    """Return the changes of a change set, as CloudFormation describes them."""
    changes = [each["ResourceChange"] for each in change_set.get("Changes", [])]
    return [
        ResourceChange(
            each["Action"],
            each["LogicalResourceId"],
            each["ResourceType"],
            each.get("Replacement") in ("True", "Conditional"),
        )
        for each in changes
    ]


def refuse_losses(stack: str, changes: Sequence[ResourceChange]) -> None:
    """Raise DeployError if a change would replace or remove what holds files."""
    for change in changes:
        is_lost = change.replaces or change.action == "Remove"
        if is_lost and change.kind in IRREPLACEABLE:
            raise DeployError(
                f"{stack}: {change.name} would be replaced, and everything in it lost. "
                "Nothing was changed. See docs/operations.md#restore."
            )
