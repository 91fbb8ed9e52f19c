"""Write metrics into log lines, in CloudWatch's embedded metric format.

CloudWatch reads them from the log, so the service calls no further API. Elsewhere they are members
of a log line like any other. The format is described in the CloudWatch User Guide under "Embedded
metric format specification".
"""

import time
from collections.abc import Callable
from typing import Any

NAMESPACE = "TinyPixo"
DIMENSION = "Installation"

UNITS = {"LongestWait": "Seconds"}
"""Units of metrics that are not counts."""


class EmbeddedMetrics:
    """Return the members of a log line that hold metrics of one installation."""

    def __init__(self, installation: str, clock: Callable[[], float] = time.time) -> None:
        """Tell installations of one account apart by the name of their table."""
        self._installation = installation
        self._clock = clock

    def __call__(self, **values: float) -> dict[str, Any]:
        """Return the values, with the member `_aws` that declares them as metrics."""
        metrics = [{"Name": name, "Unit": UNITS.get(name, "Count")} for name in values]
        declared = {"Namespace": NAMESPACE, "Dimensions": [[DIMENSION]], "Metrics": metrics}
        return {
            "_aws": {"Timestamp": round(self._clock() * 1000), "CloudWatchMetrics": [declared]},
            DIMENSION: self._installation,
            **values,
        }
