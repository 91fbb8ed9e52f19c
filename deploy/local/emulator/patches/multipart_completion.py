"""Complete multipart uploads on disk instead of in memory.

MiniStack joins all parts in memory and computes the MD5 of each part again. Completing a file of
1 GiB took 1 GiB of memory, and no other request was answered meanwhile.

Upstream would have to take the MD5 digests from the stored ETags, and to write the object from
parts on disk. This replacement does both. It leaves out versioning, replication and SSE-C, which
TinyPixo's bucket does not use.
"""

import hashlib
import os
import secrets
import shutil
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree.ElementTree import Element, ParseError, SubElement

from ministack.services import s3

from deploy.local.emulator.durability import files
from deploy.local.emulator.patches.multipart_parts import PartStore

Response = tuple[int, dict[str, str], bytes]


class RequestedPart(NamedTuple):
    """Hold one `<Part>` of the request."""

    number: int
    etag: str | None
    checksums: dict[str, str | None]


def apply(parts: PartStore) -> None:
    """Replace MiniStack's handler of CompleteMultipartUpload."""

    def complete(
        bucket: str, key: str, body: bytes, query: dict[str, Any], headers: Any = None
    ) -> Response:
        upload_id = s3._qp(query, "uploadId")
        completed = s3._completed_multipart_uploads.get(upload_id)
        if completed is not None and completed["key"] == key:
            return completed["response"]  # type: ignore[no-any-return]
        response = _complete(parts, bucket, key, body, upload_id, headers or {})
        if response[0] == 200:
            s3._completed_multipart_uploads[upload_id] = {"key": key, "response": response}
            parts.delete(upload_id)
        return response

    s3._complete_multipart_upload = complete


def _complete(
    parts: PartStore, bucket: str, key: str, body: bytes, upload_id: str, headers: dict[str, str]
) -> Response:
    stored_bucket = s3._ensure_bucket(bucket)
    if stored_bucket is None:
        return s3._no_such_bucket(bucket)  # type: ignore[no-any-return]
    upload = s3._multipart_uploads.get(upload_id)
    if upload is None or (upload["bucket"], upload["key"]) != (bucket, key):
        return _error("NoSuchUpload", "The specified multipart upload does not exist.", 404)
    if refusal := s3._check_put_preconditions(headers, stored_bucket["objects"].get(key)):
        return refusal  # type: ignore[no-any-return]
    try:
        requested = _parse(body)
    except ParseError:
        return _error("MalformedXML", "The XML you provided was not well-formed.", 400)
    if wrong := [part.number for part in requested if not _matches(part, upload["parts"])]:
        return _error("InvalidPart", f"These parts could not be found: {wrong}", 400)
    ordered = [(part.number, upload["parts"][part.number]) for part in requested]
    composite = _composite_checksum(upload, [stored for _, stored in ordered])
    if refusal := _check_totals(headers, ordered, upload, composite):
        return refusal

    obj = _object_record(upload, ordered, composite)
    _write_object(parts, bucket, key, [stored["body"].path for _, stored in ordered])
    stored_bucket["objects"][key] = obj
    # A record without a body makes MiniStack write the metadata only.
    s3._persist_object(bucket, key, obj)
    del s3._multipart_uploads[upload_id]
    event = "s3:ObjectCreated:CompleteMultipartUpload"
    s3._fire_s3_event_async(bucket, key, event, size=obj["size"], etag=obj["etag"])
    return _result(bucket, key, obj, composite, headers)


def _parse(body: bytes) -> list[RequestedPart]:
    """Return the parts that the request names, in the order of their numbers."""
    found = []
    for element in s3.fromstring(body).iter():
        if _local_name(element) != "Part":
            continue
        fields = {_local_name(child): child.text for child in element}
        checksums = {
            name.removeprefix("Checksum").upper(): value
            for name, value in fields.items()
            if name.startswith("Checksum")
        }
        number = fields.get("PartNumber")
        if number is not None:
            found.append(RequestedPart(int(number), fields.get("ETag"), checksums))
    return sorted(found, key=lambda part: part.number)


def _local_name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _matches(part: RequestedPart, stored: dict[int, dict[str, Any]]) -> bool:
    """Return True if the part is stored with the requested ETag and checksums."""
    found = stored.get(part.number)
    if found is None:
        return False
    if part.etag and part.etag.strip('"') != found["etag"].strip('"'):
        return False
    known = found.get("checksums") or {}
    return all(known.get(name) == value for name, value in part.checksums.items() if value)


def _composite_checksum(upload: dict[str, Any], stored: list[dict[str, Any]]) -> str | None:
    algorithm = upload.get("checksum_algorithm")
    checksums = [(part.get("checksums") or {}).get(algorithm) for part in stored]
    return s3._composite_checksum(algorithm, checksums)  # type: ignore[no-any-return]


def _check_totals(
    headers: dict[str, str],
    ordered: list[tuple[int, dict[str, Any]]],
    upload: dict[str, Any],
    composite: str | None,
) -> Response | None:
    """Return the error for a size or checksum of the whole that is not as the request says."""
    declared = headers.get("x-amz-mp-object-size")
    size = sum(stored["size"] for _, stored in ordered)
    if declared is not None and declared != str(size):
        message = f"x-amz-mp-object-size is {declared}, but the parts have {size} bytes"
        return _error("InvalidRequest", message, 400)
    algorithm = upload.get("checksum_algorithm")
    expected = headers.get(f"x-amz-checksum-{algorithm.lower()}") if algorithm else None
    if expected and expected != composite:
        message = f"The {algorithm} you specified did not match the calculated checksum."
        return _error("BadDigest", message, 400)
    return None


def _object_record(
    upload: dict[str, Any], ordered: list[tuple[int, dict[str, Any]]], composite: str | None
) -> dict[str, Any]:
    """Return MiniStack's record of the object, whose body is on disk."""
    digests = b"".join(bytes.fromhex(stored["etag"].strip('"')) for _, stored in ordered)
    etag = hashlib.md5(digests, usedforsecurity=False).hexdigest()
    return {
        "body": None,
        "content_type": upload["content_type"],
        "content_encoding": upload.get("content_encoding"),
        "etag": f'"{etag}-{len(ordered)}"',
        "last_modified": s3.now_iso(),
        "size": sum(stored["size"] for _, stored in ordered),
        "metadata": upload["metadata"],
        "preserved_headers": upload.get("preserved_headers", {}),
        "storage_class": upload.get("storage_class") or "STANDARD",
        "parts": [{"PartNumber": number, "Size": stored["size"]} for number, stored in ordered],
        "checksums": {upload["checksum_algorithm"]: composite} if composite else {},
        "checksum_type": "COMPOSITE" if composite else None,
    }


def _write_object(parts: PartStore, bucket: str, key: str, sources: list[Path]) -> None:
    """Write the parts one after another to the object's file, which appears when it is whole."""
    joined = parts.folder / f"{secrets.token_hex(8)}.joined"
    with open(joined, "wb", opener=lambda name, flags: os.open(name, flags, 0o600)) as target:
        for path in sources:
            with path.open("rb") as source:
                shutil.copyfileobj(source, target, 1 << 20)
    final = Path(s3._object_disk_path(bucket, key))
    final.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    joined.replace(final)
    files.note_written(final)


def _result(
    bucket: str, key: str, obj: dict[str, Any], composite: str | None, headers: dict[str, str]
) -> Response:
    root = Element("CompleteMultipartUploadResult", xmlns=s3.S3_NS)
    scheme, host = headers.get("x-forwarded-proto", "http"), headers.get("host", "localhost")
    SubElement(root, "Location").text = f"{scheme}://{host}/{bucket}/{key}"
    SubElement(root, "Bucket").text = bucket
    SubElement(root, "Key").text = key
    SubElement(root, "ETag").text = obj["etag"]
    for algorithm in obj["checksums"]:
        SubElement(root, f"Checksum{algorithm}").text = composite
        SubElement(root, "ChecksumType").text = obj["checksum_type"]
    return 200, {"Content-Type": "application/xml"}, s3._xml_body(root)


def _error(code: str, message: str, status: int) -> Response:
    return s3._error(code, message, status)  # type: ignore[no-any-return]
