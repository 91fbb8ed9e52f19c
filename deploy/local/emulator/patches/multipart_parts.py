"""Keep open multipart uploads and their parts on disk, so that they survive a restart.

MiniStack keeps both in memory, and forgets them when it ends.

Upstream would have to store uploads and parts as it stores objects with `S3_PERSIST=1`.
"""

import json
import secrets
import shutil
from pathlib import Path
from typing import Any

from ministack.core import responses
from ministack.services import s3

from deploy.local.emulator.durability import files

UPLOAD = "upload.json"


class PartFile:
    """Refer to a part on disk, without holding a file descriptor: uploads have many parts."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __len__(self) -> int:
        return self.path.stat().st_size


class PartStore:
    """Store open multipart uploads, a folder for each.

    A part is a file with its content, and a JSON file that describes it and names the content file.
    For a part that is sent again the JSON file is replaced at once, so a crash leaves the old part
    or the new one.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, account: str, upload_id: str, upload: dict[str, Any]) -> None:
        """Store an upload without parts."""
        (self.folder / upload_id).mkdir()
        described = {name: value for name, value in upload.items() if name != "parts"}
        self._write_json(upload_id, UPLOAD, {"account": account, "upload": described})

    def put(self, upload_id: str, number: int, part: dict[str, Any]) -> PartFile:
        """Store a part in place of an earlier one of this number, and return its content's file."""
        folder = self.folder / upload_id
        path = folder / f"{number}-{secrets.token_hex(6)}.part"
        path.write_bytes(part["body"])
        files.note_written(path)
        described = {name: value for name, value in part.items() if name != "body"}
        self._write_json(upload_id, f"{number}.json", {"file": path.name, "part": described})
        for old in folder.glob(f"{number}-*.part"):
            if old != path:
                old.unlink()
        return PartFile(path)

    def delete(self, upload_id: str) -> None:
        """Delete an upload and all its parts; it need not be there."""
        shutil.rmtree(self.folder / upload_id, ignore_errors=True)
        files.note_written(self.folder / upload_id)

    def load(self) -> dict[tuple[str, str], dict[str, Any]]:
        """Return all uploads by account and id, and delete what a crash left unfinished."""
        found = {}
        for folder in self.folder.iterdir():
            if (folder / UPLOAD).is_file():
                stored = json.loads((folder / UPLOAD).read_text())
                parts = self._load_parts(folder)
                found[stored["account"], folder.name] = {**stored["upload"], "parts": parts}
            elif folder.is_dir():
                shutil.rmtree(folder)
            else:
                folder.unlink()
        return found

    def _load_parts(self, folder: Path) -> dict[int, dict[str, Any]]:
        parts: dict[int, dict[str, Any]] = {}
        for path in folder.glob("*.json"):
            if path.name != UPLOAD:
                stored = json.loads(path.read_text())
                body = PartFile(folder / stored["file"])
                parts[int(path.stem)] = {**stored["part"], "body": body}
        used = {part["body"].path for part in parts.values()}
        for path in folder.iterdir():
            if path.suffix != ".json" and path not in used:
                path.unlink()
        return parts

    def _write_json(self, upload_id: str, name: str, value: dict[str, Any]) -> None:
        path = self.folder / upload_id / name
        path.with_suffix(".tmp").write_text(json.dumps(value))
        path.with_suffix(".tmp").replace(path)
        files.note_written(path)


def apply(parts: PartStore) -> None:
    """Replace MiniStack's functions that create and abort uploads, and that receive parts."""
    for key, upload in parts.load().items():
        s3._multipart_uploads._data[key] = upload
    _store_uploads(parts)
    _store_parts(parts)


def _store_uploads(parts: PartStore) -> None:
    create, abort = s3._create_multipart_upload, s3._abort_multipart_upload

    def create_and_store(bucket: str, key: str, headers: Any) -> Any:
        before = set(s3._multipart_uploads)
        response = create(bucket, key, headers)
        for upload_id in set(s3._multipart_uploads) - before:
            upload = s3._multipart_uploads[upload_id]
            parts.create(responses.get_account_id(), upload_id, upload)
        return response

    def abort_and_delete(bucket: str, key: str, query: dict[str, Any]) -> Any:
        response = abort(bucket, key, query)
        if response[0] == 204:
            parts.delete(query["uploadId"][0])
        return response

    s3._create_multipart_upload, s3._abort_multipart_upload = create_and_store, abort_and_delete


def _store_parts(parts: PartStore) -> None:
    upload_part, upload_part_copy = s3._upload_part, s3._upload_part_copy

    def move_to_disk(query: dict[str, Any]) -> None:
        upload_id, number = query["uploadId"][0], int(query["partNumber"][0])
        part = s3._multipart_uploads[upload_id]["parts"][number]
        part["body"] = parts.put(upload_id, number, part)

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

    s3._upload_part, s3._upload_part_copy = put_part, copy_part
