"""A CloudFormation stack, brought to the state wanted from whatever state it is in."""

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# A second between looks, five minutes in all: LocalStack needs ten seconds, the others three.
WAIT: Any = {"Delay": 1, "MaxAttempts": 300}

# A stack in one of these can only be deleted.
DEAD_STATES = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED", "REVIEW_IN_PROGRESS")


class StackError(Exception):
    """Indicates that a stack did not reach the state wanted; the text names each resource and the reason."""


def ensure(cloudformation: "CloudFormationClient", name: str, template: str, parameters: dict[str, str]) -> None:
    """Bring the stack to `complete` with this template text and these parameters. Raises `StackError`."""
    stack = _settled(cloudformation, name)
    if stack is not None and stack["StackStatus"] in DEAD_STATES:
        delete(cloudformation, name)
        stack = None
    arguments: Any = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
        "Capabilities": ["CAPABILITY_IAM"],
    }
    if stack is None:
        cloudformation.create_stack(**arguments)
        _wait(cloudformation, "stack_create_complete", name)
    elif not _is_current(cloudformation, stack, template, parameters):
        try:
            cloudformation.update_stack(**arguments)
        except ClientError as error:
            if "No updates are to be performed" not in str(error):
                raise
        else:
            _wait(cloudformation, "stack_update_complete", name)


def delete(cloudformation: "CloudFormationClient", name: str) -> None:
    """Delete the stack; it need not exist. Raises `StackError`, for example for a bucket that is not empty."""
    stack = _settled(cloudformation, name)
    if stack is None:
        return
    cloudformation.delete_stack(StackName=name)
    # By id, because a deleted stack's name is unknown to the waiter.
    _wait(cloudformation, "stack_delete_complete", stack["StackId"])


def outputs(cloudformation: "CloudFormationClient", name: str) -> dict[str, str]:
    """The stack's outputs by key; empty if there is no such stack."""
    stack = describe(cloudformation, name) or {}
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def describe(cloudformation: "CloudFormationClient", name: str) -> Any:
    """The stack as CloudFormation describes it, or None if there is none."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"), None)


def _is_current(cloudformation: "CloudFormationClient", stack: Any, template: str, wanted: dict[str, str]) -> bool:
    """Whether an update would change nothing. Asked because not every emulator finds out by itself."""
    present = {each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])}
    body: Any = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
    return bool(body == template) and wanted.items() <= present.items()


def _settled(cloudformation: "CloudFormationClient", name: str) -> Any:
    """The stack, or None, once whoever else is changing it has finished."""
    for _ in range(WAIT["MaxAttempts"]):
        stack = describe(cloudformation, name)
        if stack is None or stack["StackStatus"] in DEAD_STATES or not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(WAIT["Delay"])
    raise StackError(f"{name} has been {stack['StackStatus']} for {WAIT['MaxAttempts']} s")


def _wait(cloudformation: "CloudFormationClient", goal: Any, stack: str) -> None:
    """Wait until the stack reaches the goal, a waiter's name, or say why it did not."""
    try:
        cloudformation.get_waiter(goal).wait(StackName=stack, WaiterConfig=WAIT)
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        raise StackError("; ".join(reasons) or str(error)) from error
