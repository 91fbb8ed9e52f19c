"""Deploy and delete one CloudFormation stack, whatever state it is in."""

import time
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, WaiterError

from deploy.errors import DeployError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

# Five minutes in all. LocalStack needs ten seconds, other emulators three.
WAITER_CONFIG: Any = {"Delay": 1, "MaxAttempts": 300}

DELETE_ONLY_STATES = (
    "ROLLBACK_COMPLETE",
    "ROLLBACK_FAILED",
    "CREATE_FAILED",
    "DELETE_FAILED",
    "REVIEW_IN_PROGRESS",
)
"""States in which CloudFormation allows nothing but to delete the stack."""


def deploy(
    cloudformation: "CloudFormationClient", name: str, template: str, parameters: dict[str, str]
) -> None:
    """Create or update the stack, and return when it is complete.

    Raises DeployError, which names each resource that failed and the reason.
    """
    stack = _wait_until_stable(cloudformation, name)
    if stack is not None and stack["StackStatus"] in DELETE_ONLY_STATES:
        delete(cloudformation, name)
        stack = None
    arguments: Any = {
        "StackName": name,
        "TemplateBody": template,
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
        "Capabilities": ["CAPABILITY_NAMED_IAM"],
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
    """Delete the stack, and return when it is gone. Does nothing if there is none.

    Raises DeployError, for example for a bucket that is not empty.
    """
    stack = _wait_until_stable(cloudformation, name)
    if stack is None:
        return
    cloudformation.delete_stack(StackName=name)
    # By id, because the waiter does not find a deleted stack by its name.
    _wait(cloudformation, "stack_delete_complete", stack["StackId"])


def get_outputs(cloudformation: "CloudFormationClient", name: str) -> dict[str, str]:
    """Return the stack's outputs by key; none if there is no such stack."""
    stack = describe(cloudformation, name) or {}
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}


def describe(cloudformation: "CloudFormationClient", name: str) -> Any:
    """Return CloudFormation's description of the stack, or None if there is none."""
    try:
        found = cloudformation.describe_stacks(StackName=name)["Stacks"]
    except ClientError as error:
        if "does not exist" in str(error):
            return None
        raise
    return next((stack for stack in found if stack["StackStatus"] != "DELETE_COMPLETE"), None)


def _is_current(
    cloudformation: "CloudFormationClient", stack: Any, template: str, parameters: dict[str, str]
) -> bool:
    """Return True if an update would change nothing. Not every emulator finds out by itself."""
    present = {
        each["ParameterKey"]: each.get("ParameterValue") for each in stack.get("Parameters", [])
    }
    body: Any = cloudformation.get_template(StackName=stack["StackName"])["TemplateBody"]
    return bool(body == template) and parameters.items() <= present.items()


def _wait_until_stable(cloudformation: "CloudFormationClient", name: str) -> Any:
    """Return the stack when no operation on it is in progress, or None if there is no stack."""
    for _ in range(WAITER_CONFIG["MaxAttempts"]):
        stack = describe(cloudformation, name)
        if stack is None or stack["StackStatus"] in DELETE_ONLY_STATES:
            return stack
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(WAITER_CONFIG["Delay"])
    seconds = WAITER_CONFIG["MaxAttempts"]
    raise DeployError(f"The stack {name} has been {stack['StackStatus']} for {seconds} s.")


def _wait(cloudformation: "CloudFormationClient", waiter: Any, stack: str) -> None:
    """Wait with one of boto3's waiters. Raise DeployError with the reasons of the failure."""
    try:
        cloudformation.get_waiter(waiter).wait(StackName=stack, WaiterConfig=WAITER_CONFIG)
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=stack)["StackEvents"]
        reasons = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', 'no reason given')}"
            for event in events
            if event["ResourceStatus"].endswith("_FAILED")
        ]
        raise DeployError("; ".join(reasons) or str(error)) from error
