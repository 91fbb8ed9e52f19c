"""Test that images are named after the code that is in them."""

import subprocess
from pathlib import Path

import pytest

from deploy.aws import images


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=test", "-c", "user.email=test@example.com"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a Git checkout with one commit, which the code takes for its own."""
    for variable in ("GIT_AUTHOR", "GIT_COMMITTER"):
        monkeypatch.setenv(f"{variable}_NAME", "test")
        monkeypatch.setenv(f"{variable}_EMAIL", "test@example.com")
    monkeypatch.setattr(images, "ROOT", tmp_path)
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("one")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message", "One")
    return tmp_path


def test_a_commit_is_its_tag(checkout: Path) -> None:
    assert len(images.current_tag()) == 12


def test_changes_have_a_tag_that_depends_on_them_only(
    checkout: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = images.current_tag()

    tags = []
    for text, day in (("two", 1), ("two", 2), ("three", 2)):
        monkeypatch.setenv("GIT_COMMITTER_DATE", f"2026-01-0{day}T00:00:00Z")
        (checkout / "code.py").write_text(text)
        tags.append(images.current_tag())

    assert tags[0].startswith(f"{commit}-")
    assert tags[0] == tags[1] != tags[2]
