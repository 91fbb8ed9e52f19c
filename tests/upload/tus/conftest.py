"""Provide an upload service with a small limit for the size of files."""

import pytest

from libs.core.domain.uploads import MIB
from services.upload.container import UploadContainer
from tests.upload.support import create_container


@pytest.fixture(scope="module")
def container() -> UploadContainer:
    return create_container(secure_cookies=False, max_file_size=64 * MIB)
