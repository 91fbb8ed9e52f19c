"""Look up who signs a request, and what its IAM policies allow."""

from ministack.core import iam_evaluator, responses


def secret_of(access_key_id: str) -> str | None:
    """Return the secret of a user's access key, or None if there is no such key."""
    found = iam_evaluator.resolve_credential(access_key_id)
    is_user = getattr(found, "principal_type", None) == "User"
    return found.secret_access_key if is_user else None


def is_allowed(access_key_id: str, action: str, resource: str) -> bool:
    """Return True if the policies allow an action. The root user may do everything."""
    principal = iam_evaluator.resolve_principal(access_key_id, responses.get_account_id())
    if isinstance(principal, iam_evaluator.AuthError):
        return False
    if principal.policies is None:
        return True
    context = iam_evaluator.EvalContext(
        principal.arn, principal.type, principal.account, action, resource, responses.get_region()
    )
    return bool(iam_evaluator.evaluate(context, principal.policies).decision == "Allow")
