"""Test with which types and caching the page is put into its bucket on AWS."""

from pathlib import Path
from typing import Any

import pytest

from deploy.aws import page

NAMES = ["index.html", "sw.js", "manifest.webmanifest", "icons/192.png", "assets/index-AbC.js"]


class FakeS3:
    def __init__(self) -> None:
        self.put: list[dict[str, Any]] = []

    def put_object(self, **arguments: Any) -> None:
        self.put.append(arguments)


def test_only_assets_are_cached_for_ever_and_the_worker_comes_last(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in NAMES:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("{}")
    monkeypatch.setattr(page, "BUILT", tmp_path)
    s3 = FakeS3()

    assert page.upload_page(s3, "bucket") == len(NAMES)

    order = [each["Key"] for each in s3.put]
    assert (order[0], order[-1]) == ("assets/index-AbC.js", "sw.js")
    by_key = {each["Key"]: each for each in s3.put}
    assert by_key["manifest.webmanifest"]["ContentType"] == "application/manifest+json"
    assert "javascript" in by_key["sw.js"]["ContentType"]
    immutable = [key for key, each in by_key.items() if "immutable" in each["CacheControl"]]
    assert immutable == ["assets/index-AbC.js"]
    assert by_key["sw.js"]["CacheControl"] == by_key["index.html"]["CacheControl"] == "no-cache"
