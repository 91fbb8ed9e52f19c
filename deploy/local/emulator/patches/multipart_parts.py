"""Keep the parts of open multipart uploads on disk, so that they survive a restart.

MiniStack keeps parts in memory, and forgets open multipart uploads when it ends.

Upstream would have to store parts as it stores objects with `S3_PERSIST=1`, and include
`_multipart_uploads` in the state that it persists.
"""

import shutil
from pathlib import Path
from typing import Any

from ministack.core import responses
from ministack.services import s3


class PartFile:
    """Refer to a part on disk, without holding a file descriptor: uploads have many parts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        return self.path.stat().st_size


class PartStore:
    """Store the parts of open multipart uploads, a folder for each upload."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def put(self, upload_id: str, number: int, body: bytes) -> PartFile:
        """Write a part, or replace it atomically: another request may be reading the old one."""
        path = self._path(upload_id, number)
        path.parent.mkdir(exist_ok=True)
        path.with_suffix(".tmp").write_bytes(body)
        path.with_suffix(".tmp").replace(path)
        return PartFile(path)

    def get(self, upload_id: str, number: int) -> PartFile | None:
        """Return a part, or None if it is not there."""
        path = self._path(upload_id, number)
        return PartFile(path) if path.is_file() else None

    def delete(self, upload_id: str) -> None:
        """Delete all parts of an upload; there may be none."""
        shutil.rmtree(self.folder / upload_id, ignore_errors=True)

    def _path(self, upload_id: str, number: int) -> Path:
        return self.folder / upload_id / str(number)


def apply(parts: PartStore) -> None:
    """Replace MiniStack's functions that receive and abort parts, and that save its state."""
    _store_parts(parts)
    _persist_open_uploads(parts)


def _store_parts(parts: PartStore) -> None:
    upload_part, upload_part_copy = s3._upload_part, s3._upload_part_copy
    abort = s3._abort_multipart_upload

    def move_to_disk(query: dict[str, Any]) -> None:
        upload_id, number = query["uploadId"][0], int(query["partNumber"][0])
        part = s3._multipart_uploads[upload_id]["parts"][number]
        part["body"] = parts.put(upload_id, number, part["body"])

    def put_part(bucket: str, key: str, body: bytes, query: Any, headers: Any) -> Any:
        response = upload_part(bucket, key, body, query, headers)
        if response[0] == 200:
            move_to_disk(query)
        return response

    def copy_part(bucket: str, key: str, query: Any, headers: Any) -> Any:
        response = upload_part_copy(bucket, key, query, headers)
        if response[0] == 200:
            move_to_disk(query)
        return response

    def abort_and_delete(bucket: str, key: str, query: dict[str, Any]) -> Any:
        response = abort(bucket, key, query)
        if response[0] == 204:
            parts.delete(query["uploadId"][0])
        return response

    s3._upload_part, s3._upload_part_copy = put_part, copy_part
    s3._abort_multipart_upload = abort_and_delete


def _persist_open_uploads(parts: PartStore) -> None:
    get_state, load_state = s3.get_state, s3.load_persisted_state

    def state_with_uploads() -> dict[str, Any]:
        uploads = responses.AccountScopedDict()
        for key, upload in s3._multipart_uploads._data.items():
            uploads._data[key] = {
                **upload,
                "parts": {
                    number: {name: value for name, value in part.items() if name != "body"}
                    for number, part in upload["parts"].items()
                },
            }
        return {**get_state(), "multipart_uploads": uploads}

    def load_with_uploads(data: dict[str, Any]) -> None:
        load_state(data)
        for key, upload in getattr(data.get("multipart_uploads"), "_data", {}).items():
            found = {}
            # JSON has turned the part numbers into strings.
            for number, part in upload["parts"].items():
                if body := parts.get(key[1], int(number)):
                    found[int(number)] = {**part, "body": body}
            s3._multipart_uploads._data[key] = {**upload, "parts": found}

    s3.get_state, s3.load_persisted_state = state_with_uploads, load_with_uploads
