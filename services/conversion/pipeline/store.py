"""Store the output, and verify it at the same time in a second thread."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait
from dataclasses import dataclass

from services.conversion.ffmpeg.process import FfmpegProgress, OnProgress
from services.conversion.pipeline.progress_tracker import REPORT_INTERVAL, ProgressTracker
from services.conversion.storage.multipart_writer import MultipartWriter


@dataclass(frozen=True)
class StoredOutput:
    """Hold the key, the size in bytes and the hash in hex of the stored object."""

    key: str
    size: int
    sha256: str


def store(
    writer: MultipartWriter, verify: Callable[[OnProgress], float], progress: ProgressTracker
) -> tuple[StoredOutput, float]:
    """Return the stored output, and the duration that `verify` returns.

    An output that `verify` rejects may exist as an object by then. Nothing publishes it, and
    whoever catches the error discards it. Raises what `verify`, the sink or the callback raises.
    """
    stopped = threading.Event()

    def stop_if_abandoned(_: FfmpegProgress) -> bool:
        if stopped.is_set():
            raise CancelledError
        return True

    with ThreadPoolExecutor(1, thread_name_prefix="verify") as executor:
        verifying = executor.submit(verify, stop_if_abandoned)
        try:
            key, size, sha256 = writer.finish(progress.on_stored_share)
            while not wait([verifying], REPORT_INTERVAL).done:
                progress.on_stored_share(1.0)
        finally:
            stopped.set()
    return StoredOutput(key, size, sha256), verifying.result()
