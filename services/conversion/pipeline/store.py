"""The last step: the output goes to the store while it is looked at, as a stranger's file would be."""

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError, ThreadPoolExecutor, wait

from services.conversion.ffmpeg.process import FfmpegProgress, OnProgress
from services.conversion.pipeline.progress_tracker import EVERY, ProgressTracker
from services.conversion.storage.multipart_writer import MultipartWriter


def store(
    outbox: MultipartWriter, verify: Callable[[OnProgress], float], ticker: ProgressTracker
) -> tuple[str, int, str, float]:
    """Key, size, SHA-256 in hex, and what `verify` returns, which runs in a thread of its own with the `step` of its run.

    What does not stand the look may be an object by then: nothing publishes it, and whoever catches the error discards it.
    Raises what `verify`, the sink, or a tick raises.
    """
    given_up = threading.Event()

    def go_on(_: FfmpegProgress) -> bool:
        if given_up.is_set():
            raise CancelledError
        return True

    with ThreadPoolExecutor(1, thread_name_prefix="verify") as aside:
        verifying = aside.submit(verify, go_on)
        try:
            key, size, digest = outbox.finish(ticker.share)
            while not wait([verifying], EVERY).done:
                ticker.step()
        finally:
            given_up.set()
    return key, size, digest, verifying.result()
