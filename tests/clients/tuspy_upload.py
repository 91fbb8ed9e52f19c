"""Upload a file by tuspy, and resume what an earlier run began: for a test that kills it.

Usage: python -m tests.clients.tuspy_upload ENDPOINT TOKEN FILE STATE
"""

import sys
from typing import Any

from tusclient.client import TusClient
from tusclient.storage.filestorage import FileStorage


def main(endpoint: str, token: str, path: str, state: str) -> None:
    """Print `sent OFFSET SIZE` after each chunk, and `done URL` at the end."""
    client = TusClient(endpoint, headers={"Authorization": f"Bearer {token}"})
    storage: Any = FileStorage  # without types, as the uploader
    uploader: Any = client.uploader(
        path,
        metadata={"filename": "clients.wav"},
        chunk_size=3_000_000,
        retries=5,
        retry_delay=1,
        upload_checksum=True,
        store_url=True,
        url_storage=storage(state),
    )
    print("resumed" if uploader.offset else "new", flush=True)
    size = uploader.get_file_size()
    while uploader.offset < size:
        uploader.upload_chunk()
        print(f"sent {uploader.offset} {size}", flush=True)
    print(f"done {uploader.url}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
