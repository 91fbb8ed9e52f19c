"""Test that tus-js-client, tuspy and curl upload, are killed, and resume."""

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from libs.core.domain.uploads import MIN_PART_SIZE
from tests.clients.conftest import IS_FULL, digest_of, kill_points
from tests.fault_injection import eventually

pytestmark = pytest.mark.stack


class KillableClient:
    """Run a client as a process, and kill it where a test says."""

    def __init__(self, *command: str) -> None:
        self._command = command

    def run(self, kill_at: float | None = None) -> list[str]:
        """Return what it prints; with `kill_at` it is killed at that share of the file."""
        with subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        ) as process:
            assert process.stdout
            lines: list[str] = []
            for line in process.stdout:
                lines.append(line.strip())
                _, *numbers = line.split()
                if kill_at is not None and line.startswith("sent "):
                    sent, total = map(int, numbers)
                    if sent >= kill_at * total:
                        process.kill()
                        return lines
        assert process.returncode == 0, lines
        return lines


@pytest.mark.parametrize(
    ("chunk_size", "lanes"), [(0, 1), (3_000_000, 3), *([(3_000_000, 1)] if IS_FULL else [])]
)
def test_tus_js_client_resumes_after_each_kill(
    stack_url: str,
    token: str,
    file: Path,
    tmp_path: Path,
    tus_folder: Path,
    stored_digest: Callable[[str], str],
    chunk_size: int,
    lanes: int,
) -> None:
    client = KillableClient(
        "node",
        str(tus_folder / "upload.mjs"),
        f"{stack_url}/api/uploads/tus",
        token,
        str(file),
        str(tmp_path / "urls.json"),
        str(chunk_size),
        str(lanes),
    )

    url = upload_with_kills(client)

    assert stored_digest(url.rpartition("/")[2]) == digest_of(file)


def test_tuspy_resumes_after_each_kill(
    stack_url: str,
    token: str,
    file: Path,
    tmp_path: Path,
    stored_digest: Callable[[str], str],
) -> None:
    client = KillableClient(
        sys.executable,
        "-m",
        "tests.clients.tuspy_upload",
        f"{stack_url}/api/uploads/tus",
        token,
        str(file),
        str(tmp_path / "urls.json"),
    )

    url = upload_with_kills(client)

    assert stored_digest(url.rpartition("/")[2]) == digest_of(file)


def upload_with_kills(client: KillableClient) -> str:
    """Kill a client at three points of its file, let it resume, and return the upload's URL."""
    for point in kill_points():
        client.run(kill_at=point)
    lines = client.run()
    assert "resumed" in lines
    return lines[-1].removeprefix("done ")


def test_curl_alone_resumes_after_each_kill(
    stack_url: str, token: str, file: Path, tmp_path: Path, stored_digest: Callable[[str], str]
) -> None:
    tus = ["-H", "Tus-Resumable: 1.0.0", "-H", f"Authorization: Bearer {token}"]
    size = file.stat().st_size
    created = curl(
        "-X", "POST", *tus, "-H", f"Upload-Length: {size}", f"{stack_url}/api/uploads/tus"
    )
    url = stack_url + created["location"]
    rest = tmp_path / "rest"
    patch = ["-X", "PATCH", *tus, "-H", "Content-Type: application/offset+octet-stream"]
    patch += ["--data-binary", f"@{rest}", url, "-H"]
    content, offset = file.read_bytes(), 0
    for point in kill_points():
        next_part = (offset // MIN_PART_SIZE + 1) * MIN_PART_SIZE
        if next_part >= size:
            break
        # curl announces all of the rest and sends less of it, so that it waits to be killed.
        end = max(int(point * size), next_part + 1)
        rest.write_bytes(content[offset:end])
        announced = ["-H", f"Content-Length: {size - offset}"]
        command = ["curl", "-sS", *announced, *patch, f"Upload-Offset: {offset}"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            # What has come in whole parts is stored while curl sends.
            wait_for_offset(url, token, max(next_part, end - MIN_PART_SIZE))
            process.kill()
        # The service also keeps the rest of the request that broke off, before it takes another.
        offset = settled_offset(url, token)
        assert next_part <= offset <= end
    rest.write_bytes(content[offset:])

    answer = curl(*patch, f"Upload-Offset: {offset}")

    assert answer["upload-offset"] == str(size)
    assert stored_digest(url.rpartition("/")[2]) == digest_of(file)


def now(url: str, token: str) -> int:
    """Return the offset that HEAD tells. A busy store is asked again, as clients do."""
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {token}"}
    while (answer := httpx.head(url, headers=headers, timeout=60)).status_code == 503:
        time.sleep(float(answer.headers.get("Retry-After", 1)))
    return int(answer.raise_for_status().headers["Upload-Offset"])


def wait_for_offset(url: str, token: str, wanted: int) -> None:
    eventually(lambda: now(url, token) >= wanted, 60)


def settled_offset(url: str, token: str) -> int:
    """Return the offset once it is the same twice, two seconds apart."""
    seen = [now(url, token)]

    def is_settled() -> bool:
        time.sleep(2)
        seen.append(now(url, token))
        return seen[-1] == seen[-2]

    eventually(is_settled, 30)
    return seen[-1]


def curl(*arguments: str, fails: bool = False) -> dict[str, str]:
    """Run curl and return the headers of the answer, with lower-case names."""
    ran = subprocess.run(
        ["curl", "-sS", "--fail-with-body", "-D", "-", "-o", "-", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode != 0) == fails, ran.stdout + ran.stderr
    pairs = (line.partition(":") for line in ran.stdout.splitlines() if ":" in line)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}
