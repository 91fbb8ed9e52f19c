"""What MiniStack 1.5.33 does unlike AWS, or not well with large files, put right from outside.

Measured before and after with a file of 1 GiB: 8 MiB by range took 850 ms and read the whole file, now 5 ms; a
download took 3 GiB of memory and held up every other request for 8 s; completing a multipart upload took 1 GiB and
another digest of all of it, while nothing was served. Open multipart uploads were lost on a restart, and items removed
by TTL left no record on the stream, so nobody erased their objects.

Each patch replaces one function by one that calls it, or two lines of one. The version is pinned by hash; when it
changes, `tests/deploy/test_emulator.py` says which patch still holds.
"""

import inspect
import mmap
import os
import secrets
import shutil
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ministack import app
from ministack.core import responses
from ministack.services import dynamodb, s3

CHUNK = 1 << 20


class MappedFile(mmap.mmap):
    """A file as bytes that are read only where they are looked at."""

    @classmethod
    def of(cls, path: Path | str) -> "MappedFile | bytes":
        """The file's bytes; plain ones if it is empty, which cannot be mapped."""
        with open(path, "rb") as file:
            return cls(file.fileno(), 0, access=mmap.ACCESS_READ) if Path(path).stat().st_size else b""


class JoinedFile(MappedFile):
    """A whole that was made of parts, in a file that may be renamed to where it shall stay."""

    path: Path


def apply(parts: Path) -> None:
    """Put all patches in place, once, before MiniStack serves. `parts` is a folder for parts of open uploads."""
    _read_objects_where_asked()
    _keep_parts_in(parts)
    _join_parts_in(parts)
    _tell_of_expired_items()


def _read_objects_where_asked() -> None:
    read_body, send_response = s3._read_body, app._send_response

    def mapped(bucket: str, key: str, obj: dict[str, Any]) -> Any:
        path = s3._object_disk_path(bucket, key) if obj.get("body") is None else None
        return MappedFile.of(path) if path and Path(path).is_file() else read_body(bucket, key, obj)

    async def in_chunks(send: Any, status: int, headers: dict[str, str], body: Any, *, head: bool = False) -> None:
        if not isinstance(body, MappedFile):
            await send_response(send, status, headers, body, head=head)
            return
        headers.setdefault("Content-Length", str(len(body)))
        await send({"type": "http.response.start", "status": status, "headers": app._asgi_header_list(headers)})
        for start in range(0, len(body), CHUNK):
            await send({"type": "http.response.body", "body": body[start : start + CHUNK], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    s3._read_body, app._send_response = mapped, in_chunks


def _keep_parts_in(folder: Path) -> None:
    upload_part, get_state, load_state = s3._upload_part, s3.get_state, s3.load_persisted_state

    def to_disk(bucket: str, key: str, body: bytes, query: dict[str, Any], headers: dict[str, str]) -> Any:
        answer = upload_part(bucket, key, body, query, headers)
        if answer[0] == 200:
            upload, number = query["uploadId"][0], int(query["partNumber"][0])
            path = folder / upload / str(number)
            path.parent.mkdir(parents=True, exist_ok=True)
            # By renaming: a part sent again must not change under whoever reads the one before.
            path.with_suffix(".tmp").write_bytes(body)
            path.with_suffix(".tmp").replace(path)
            s3._multipart_uploads[upload]["parts"][number]["body"] = MappedFile.of(path)
        return answer

    def state() -> dict[str, Any]:
        uploads = responses.AccountScopedDict()
        for key, upload in s3._multipart_uploads._data.items():
            parts = {n: {k: v for k, v in part.items() if k != "body"} for n, part in upload["parts"].items()}
            uploads._data[key] = {**upload, "parts": parts}
        return {**get_state(), "multipart_uploads": uploads}

    def restore(data: dict[str, Any]) -> None:
        load_state(data)
        for key, upload in getattr(data.get("multipart_uploads"), "_data", {}).items():
            parts = {int(n): part for n, part in upload["parts"].items() if (folder / key[1] / n).is_file()}
            for number, part in parts.items():
                part["body"] = MappedFile.of(folder / key[1] / str(number))
            s3._multipart_uploads._data[key] = {**upload, "parts": parts}

    s3._upload_part, s3.get_state, s3.load_persisted_state = to_disk, state, restore
    s3._abort_multipart_upload = _then_forget(s3._abort_multipart_upload, folder, query_at=2)


def _join_parts_in(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for unfinished in folder.glob("*.joined"):  # by a run that was killed meanwhile
        unfinished.unlink()
    source = inspect.getsource(s3._complete_multipart_upload)
    for line, better in {
        'md5_digests += hashlib.md5(stored["body"]).digest()': """md5_digests += bytes.fromhex(stored["etag"].strip('"'))""",
        'combined = b"".join(combined_parts)': "combined = _joined_on_disk(combined_parts)",
    }.items():
        assert source.count(line) == 1, line
        source = source.replace(line, better)

    def joined(parts: list[Any]) -> Any:
        path = folder / f"{secrets.token_hex(8)}.joined"
        with open(path, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as whole:
            whole.writelines(parts)
        file = JoinedFile.of(path)
        if isinstance(file, JoinedFile):
            file.path = path
        return file

    write = s3._atomic_write

    def rename_or_write(path: str, data: Any, *, text: bool = False) -> None:
        if isinstance(data, JoinedFile):
            data.path.replace(path)
        else:
            write(path, data, text=text)

    s3._joined_on_disk, s3._atomic_write = joined, rename_or_write
    exec(compile(source, str(s3.__file__), "exec"), vars(s3))  # MiniStack's own lines, but for the two
    s3._complete_multipart_upload = _then_forget(s3._complete_multipart_upload, folder, query_at=3)


def _then_forget(close: Callable[..., Any], folder: Path, query_at: int) -> Callable[..., Any]:
    """`close`, which ends a multipart upload, and erases its parts when it did. `query_at` is where the query is."""

    def closing(*arguments: Any, **named: Any) -> Any:
        answer = close(*arguments, **named)
        upload = arguments[query_at].get("uploadId", [""])[0]
        if upload and upload not in s3._multipart_uploads and (folder / upload).is_dir():
            shutil.rmtree(folder / upload)
        return answer

    return closing


def _tell_of_expired_items() -> None:
    remove_item = dynamodb._remove_item

    def telling(table: dict[str, Any], hash_value: Any, range_value: Any) -> Any:
        removed = remove_item(table, hash_value, range_value)
        if removed is not None and threading.current_thread().name == "dynamodb-ttl-reaper":
            # arn:aws:dynamodb:REGION:ACCOUNT:table/NAME; this thread serves no request that would tell.
            region, account, name = table["TableArn"].split(":")[3:6]
            responses._request_account_id.set(account)
            responses._request_region.set(region)
            name = name.removeprefix("table/")
            dynamodb._emit_stream_event(name, "REMOVE", removed, None)
            # As GetRecords spells it; a pipe's records and Lambda's begin both names with a small letter.
            dynamodb.stream_live_records(name)[-1]["userIdentity"] = {
                "PrincipalId": "dynamodb.amazonaws.com",
                "Type": "Service",
            }
        return removed

    dynamodb._remove_item = telling
