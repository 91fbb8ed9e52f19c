"""Deploy all stacks in order, or the stacks of one service."""

from collections.abc import Callable, Mapping
from pathlib import Path

from deploy.aws.images import Images
from deploy.aws.installation import FOLDER, SIZES, STACKS_OF, WEB, Installation
from deploy.aws.stacks import Stacks
from deploy.errors import DeployError

DATA_TEMPLATE = FOLDER.parent / "data.yaml"
ORDER = ("base", "roles", "data", *(stack for each in STACKS_OF.values() for stack in each))
ALL = (*ORDER, "edge", "alarms")
"""Kinds of stacks, in the order in which they are created."""


class Deployment:
    """Deploy stacks whose parameters come from each other's outputs."""

    def __init__(
        self,
        installation: Installation,
        stacks: Stacks,
        images: Images,
        given: Mapping[str, str],
        echo: Callable[[str], None] = print,
    ) -> None:
        """Use `given` parameters in each stack that declares them, `worker:Cpu` in one only."""
        self._installation = installation
        self._stacks = stacks
        self._images = images
        self._given = given
        self._echo = echo

    def everything(self, tag: str) -> str:
        """Deploy all stacks, and return the URL of the page."""
        self.stack("base")
        self.stack("roles")
        self.stack("data", {"NamePrefix": self._installation.name})
        images = {service: self._images.provide(service, tag) for service in STACKS_OF}
        for service, image in images.items():
            self.service(service, image)
        url = self.edge()["Url"]
        # The services and the bucket answer the page of this origin.
        for service, image in images.items():
            if any(self._origins(kind) != url for kind in STACKS_OF[service]):
                self.service(service, image, {"Origins": url})
        self.stack("data", {"AllowedOrigins": url})
        self.stack("alarms", {"AlarmTopicArn": self._base("AlarmTopicArn")})
        return url

    def service(self, service: str, image: str, more: Mapping[str, str] | None = None) -> None:
        """Deploy an image to the stacks of a service. The previous image is kept for a rollback."""
        for kind in STACKS_OF[service]:
            before = self._outputs(kind).get("ImageUri", "")
            previous = {"PreviousImageUri": before} if before and before != image else {}
            is_new = not before
            sizes = SIZES.get(kind, {}) if is_new else {}
            wanted = {"Service": kind, "ImageUri": image, **sizes, **previous, **(more or {})}
            self.stack(kind, {**self._shared(kind), **wanted})

    def roll_back(self, service: str) -> None:
        """Deploy the image that ran before the present one. Raises DeployError."""
        before = {self._outputs(kind).get("PreviousImageUri", "") for kind in STACKS_OF[service]}
        if len(before) != 1 or not (image := before.pop()):
            raise DeployError(f"{service} has no version before this one.")
        self._echo(f"{service} returns to {image.rpartition('@')[2][:19]}")
        self.service(service, image)

    def edge(self) -> dict[str, str]:
        """Deploy CloudFront in front of the services, and return its outputs."""
        hosts = {f"{kind.title()}Host": self._host(kind) for kind in WEB}
        return self.stack("edge", {**hosts, "OriginSecretArn": self._base("OriginSecretArn")})

    def stack(self, kind: str, parameters: Mapping[str, str] | None = None) -> dict[str, str]:
        """Deploy one stack, and return its outputs."""
        own = {
            key.removeprefix(f"{kind}:"): value
            for key, value in self._given.items()
            if key.startswith(f"{kind}:")
        }
        name = self._installation.name
        wanted = {"DataStack": name, **(parameters or {}), **self._given, **own}
        return self._stacks.deploy(self._installation.stack(kind), self._template(kind), wanted)

    def runtime(self) -> str:
        """Return where the services run that browsers reach: `express` or `apprunner`."""
        present = self._stacks.parameters(self._installation.stack("roles"))
        return self._given.get("WebRuntime") or present.get("WebRuntime", "express")

    def _template(self, kind: str) -> Path:
        if kind == "data":
            return DATA_TEMPLATE
        if kind in WEB and self.runtime() == "apprunner":
            return FOLDER / "service-apprunner.yaml"
        is_service = any(kind in kinds for kinds in STACKS_OF.values())
        return FOLDER / ("service-ecs.yaml" if is_service else f"{kind}.yaml")

    def _shared(self, kind: str) -> dict[str, str]:
        """Return the parameters of a service that are outputs of other stacks."""
        roles = self._outputs("roles")
        own = f"{kind.title()}ExecutionRoleArn"
        if own in roles:
            roles["ExecutionRoleArn"] = roles[own]
        return {**self._outputs("base"), **roles}

    def _outputs(self, kind: str) -> dict[str, str]:
        return self._stacks.outputs(self._installation.stack(kind))

    def _base(self, key: str) -> str:
        return self._outputs("base")[key]

    def _origins(self, kind: str) -> str:
        return self._stacks.parameters(self._installation.stack(kind)).get("Origins", "")

    def _host(self, kind: str) -> str:
        return self._outputs(kind)["Host"].removeprefix("https://").rstrip("/")
