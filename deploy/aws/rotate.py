"""Replace a secret without logging anybody out.

Tasks of two versions run side by side during a deployment, so a new secret is first accepted
everywhere, and used only then. The old one stays accepted until the next rotation. The janitor has
one token only: it refuses the old one as soon as it uses the new one.
"""

import json
import secrets
from collections.abc import Callable
from typing import Any

from deploy.aws.deployment import Deployment
from deploy.aws.installation import STACKS_OF, Installation
from deploy.errors import DeployError

SECRETS = ("session-secret", "origin-secret", "janitor-token")


def rotate(
    installation: Installation,
    secret: str,
    deploy: Callable[[], None],
    echo: Callable[[str], None],
) -> None:
    """Replace one of SECRETS in two steps; `deploy` starts all tasks anew, and waits for them.

    Raises DeployError.
    """
    if secret not in SECRETS:
        raise DeployError(f"SECRET must be one of {', '.join(SECRETS)}.")
    client = installation.client("secretsmanager")
    name = f"{installation.name}/{secret}"
    present = json.loads(client.get_secret_value(SecretId=name)["SecretString"])
    old, new = present["current"], secrets.token_hex(32)
    for step, value in (
        ("accepted", {"current": old, "accepted": new}),
        ("used", {"current": new, "accepted": old}),
    ):
        echo(f"{name}: the new secret is {step}")
        client.put_secret_value(SecretId=name, SecretString=json.dumps(value))
        deploy()


def restart_all(
    installation: Installation, stacks: Any, deployment_with: Callable[[str], Deployment]
) -> None:
    """Deploy edge and services with the next SecretsVersion, so that they read the secrets."""
    name = installation.stack("edge")
    version = str(int(stacks.parameters(name).get("SecretsVersion", "0")) + 1)
    deployment = deployment_with(version)
    # CloudFront first: the services accept what it sends in either step.
    deployment.edge()
    for service, kinds in STACKS_OF.items():
        deployment.service(service, stacks.outputs(installation.stack(kinds[0]))["ImageUri"])
