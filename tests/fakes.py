"""Provide a fake clock, and builders of domain objects with default values."""

import threading
import time
from dataclasses import replace
from typing import Any

from libs.core.domain.conversions import Conversion, Output, OutputUpload, Source, Track
from libs.core.domain.formats import ConversionOptions
from libs.core.domain.ids import new_id
from libs.core.domain.uploads import MIB, Upload

DAY = 24 * 3600


class FakeClock:
    """Tell a time that moves only by `advance`.

    It starts at the real time, because emulators compare times with their own clock.
    """

    def __init__(self, now: float | None = None) -> None:
        self.now = float(int(time.time())) if now is None else now
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        with self._lock:
            self.now += seconds


def an_upload(owner: str = "somebody", now: float | None = None, **changes: Any) -> Upload:
    """Return an upload of 12 MiB in three parts, created `now`."""
    now = float(int(time.time())) if now is None else now
    upload = Upload(
        id=new_id("upload"),
        owner=owner,
        filename="Für Elise.wav",
        size=12 * MIB,
        content_type="audio/wav",
        part_size=5 * MIB,
        multipart_id="multipart-of-a-fake",
        created_at=now,
        updated_at=now,
        expires_at=int(now) + DAY,
    )
    return replace(upload, **changes)


def a_conversion(upload: Upload, **changes: Any) -> Conversion:
    """Return a conversion of an upload to MP3, created together with the upload."""
    conversion = Conversion(
        id=new_id("conversion"),
        owner=upload.owner,
        upload_id=upload.id,
        format="mp3",
        options=ConversionOptions(bitrate="192k", start=1.5),
        filename="Für Elise.mp3",
        created_at=upload.created_at,
        updated_at=upload.updated_at,
        expires_at=upload.expires_at,
    )
    return replace(conversion, **changes)


def an_output(conversion: Conversion) -> Output:
    """Return the output of the present attempt of a conversion."""
    key = f"outputs/{conversion.id}/{conversion.attempts}.mp3"
    return Output(key, conversion.filename, 4_321, "audio/mpeg", 180.25, "ab" * 32)


def an_output_upload(conversion: Conversion) -> OutputUpload:
    """Return the multipart upload that the present attempt writes to."""
    return OutputUpload(
        f"outputs/{conversion.id}/{conversion.attempts}.mp3",
        "multipart-of-the-output",
        "fingerprint",
    )


A_SOURCE = Source(
    "pcm_s16le",
    "wav",
    44_100,
    2,
    1_411_200,
    180.25,
    bit_depth=16,
    tags={"title": "Für Elise"},
    tracks=(
        Track(0, "pcm_s16le", 2, 44_100, default=True, language="deu", title="Konzert"),
        Track(1, "aac", 6, 48_000, default=False),
    ),
)
