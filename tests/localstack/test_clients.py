"""Run clients of other people on LocalStack: two in `make test`, all in `make test-clients`."""

import pytest

from tests.clients import test_tus_clients, test_uppy
from tests.clients.conftest import IS_FULL, file, stored_digest, token, tus_folder

__all__ = ["file", "stored_digest", "token", "tus_folder"]

pytestmark = pytest.mark.localstack

IN_MAKE_TEST = {"test_tuspy_resumes_after_each_kill", "test_curl_alone_resumes_after_each_kill"}

for module in (test_tus_clients, test_uppy):
    for name, value in vars(module).items():
        is_wanted = IS_FULL or name in IN_MAKE_TEST
        if name.startswith("test_") and is_wanted:
            globals()[name] = value

browser, context, script = test_uppy.browser, test_uppy.context, test_uppy.script
