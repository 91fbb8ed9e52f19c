"""Record every call of botocore, in each process that finds this file on its PYTHONPATH."""

import json
import os
import sys
from typing import Any


def install(path: str) -> None:
    """Append a line for each call to the file of this process."""
    from botocore import client

    original = client.BaseClient._make_api_call  # type: ignore[attr-defined]

    def recorded(self: Any, operation: str, arguments: Any) -> Any:
        members = [next(iter(each)) for each in (arguments or {}).get("TransactItems", []) if each]
        line = json.dumps([self.meta.service_model.service_name, operation, members])
        with open(path, "a", encoding="utf-8") as file:
            file.write(line + "\n")
        return original(self, operation, arguments)

    client.BaseClient._make_api_call = recorded  # type: ignore[attr-defined]


module = sys.orig_argv[-1] if len(sys.orig_argv) > 1 else ""
if (folder := os.environ.get("CALLS_FOLDER")) and module.startswith("services."):
    install(os.path.join(folder, module.removeprefix("services.")))
