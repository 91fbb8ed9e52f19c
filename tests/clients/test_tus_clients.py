"""Test that tus-js-client, tuspy and curl upload, are killed, and resume."""

import random
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from tusclient.client import TusClient

from tests.clients.conftest import digest_of
from tests.fault_injection import eventually

pytestmark = pytest.mark.stack


class TusJsClient:
    """Run tus-js-client in Node, and kill it where a test says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self._command = ["node", str(folder / "upload.mjs"), *arguments]

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


@pytest.mark.parametrize(("chunk_size", "lanes"), [(3_000_000, 1), (0, 1), (3_000_000, 3)])
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
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    points = sorted(random.Random(seed).uniform(0.1, 0.9) for _ in range(3))
    client = TusJsClient(
        tus_folder,
        f"{stack_url}/api/uploads/tus",
        token,
        str(file),
        str(tmp_path / "urls.json"),
        str(chunk_size),
        str(lanes),
    )

    for point in points:
        client.run(kill_at=point)
    lines = client.run()

    assert "resumed" in lines
    url = lines[-1].removeprefix("done ")
    assert stored_digest(url.rpartition("/")[2]) == digest_of(file)


def test_tuspy_resumes_where_it_stopped(
    stack_url: str, token: str, file: Path, stored_digest: Callable[[str], str]
) -> None:
    client = TusClient(f"{stack_url}/api/uploads/tus", headers={"Authorization": f"Bearer {token}"})
    options = {"chunk_size": 3_000_000, "upload_checksum": True}
    # Opened here, because tuspy would not close it.
    with file.open("rb") as stream:
        metadata = {"filename": "clients.wav"}
        first = client.uploader(file_stream=stream, metadata=metadata, **options)
        first.upload(stop_at=10_000_000)
        assert first.url

        second = client.uploader(file_stream=stream, url=first.url, **options)
        assert second.get_offset() >= 10_000_000
        second.upload()

    assert stored_digest(first.url.rpartition("/")[2]) == digest_of(file)


def test_curl_alone_uploads_and_resumes(
    stack_url: str, token: str, file: Path, tmp_path: Path, stored_digest: Callable[[str], str]
) -> None:
    tus = ["-H", "Tus-Resumable: 1.0.0", "-H", f"Authorization: Bearer {token}"]
    size = file.stat().st_size
    created = curl(
        "-X", "POST", *tus, "-H", f"Upload-Length: {size}", f"{stack_url}/api/uploads/tus"
    )
    url = stack_url + created["location"]
    patch = ["-X", "PATCH", *tus, "-H", "Content-Type: application/offset+octet-stream"]
    # The service keeps what has come when curl breaks off after a second of a slow line.
    curl(
        *patch,
        *("-H", "Upload-Offset: 0", "--limit-rate", "4M", "--max-time", "1"),
        *("--data-binary", f"@{file}", url),
        fails=True,
    )

    offset = current_offset(url, token)
    rest = tmp_path / "rest"
    rest.write_bytes(file.read_bytes()[offset:])
    answer = curl(*patch, "-H", f"Upload-Offset: {offset}", "--data-binary", f"@{rest}", url)

    assert 0 < offset < size
    assert answer["upload-offset"] == str(size)
    assert stored_digest(url.rpartition("/")[2]) == digest_of(file)


def current_offset(url: str, token: str) -> int:
    """Return the offset once the bytes of the request that broke off are stored."""
    headers = {"Tus-Resumable": "1.0.0", "Authorization": f"Bearer {token}"}

    def offset() -> int:
        return int(httpx.head(url, headers=headers).headers["Upload-Offset"])

    return int(eventually(offset, 30))


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
