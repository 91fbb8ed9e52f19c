"""Test that a source is read whole through faults, and an output stored whole or not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from threading import Event
from typing import Any

import pytest

from libs.core.domain.conversions import Conversion, OutputUpload
from libs.core.errors import MultipartUploadGone, ObjectMissing, StorageUnavailable
from libs.core.ports.multipart_uploads import Part
from services.conversion.storage import object_source, retry
from services.conversion.storage.object_output import MultipartOutput
from services.conversion.storage.object_source import ObjectSource
from tests.conversion.support import LEASE, ConversionEnvironment
from tests.fault_injection import UNREACHABLE, fail_calls, record_calls

KEY = "uploads/u/source"
BODY = bytes(range(256)) * 1024


class BreakingSource(ObjectSource):
    """Break off after `gives` bytes of each request, and record where each began."""

    def __init__(self, env: ConversionEnvironment, gives: int) -> None:
        super().__init__(env.objects, KEY, len(BODY))
        self.began: list[int] = []
        env.objects.put(KEY, BODY, "audio/wav", {})
        really = env.objects.read

        def read(key: str, start: int, end: int) -> Iterator[bytes]:
            self.began.append(start)
            yield from really(key, start, min(end, start + gives)) if gives else ()
            if start + gives < end:
                raise UNREACHABLE

        env.objects.read = read  # type: ignore[method-assign]


def test_a_source_that_breaks_off_again_and_again_is_read_on_from_there(
    env: ConversionEnvironment,
) -> None:
    source = BreakingSource(env, 10_000)

    assert b"".join(source.read(1_000, 100_000)) == BODY[1_000:100_000]

    assert source.began == [1_000 + 10_000 * n for n in range(10)]


def test_a_source_that_gives_nothing_is_given_up_after_its_pauses(
    env: ConversionEnvironment,
) -> None:
    source = BreakingSource(env, 0)

    with pytest.raises(StorageUnavailable):
        b"".join(source.read(0, len(BODY)))

    assert len(source.began) == len(object_source.READ_PAUSES) + 1


def test_an_object_that_ends_before_its_size_is_no_whole_source(env: ConversionEnvironment) -> None:
    env.objects.put(KEY, BODY[:1000], "audio/wav", {})

    with pytest.raises(StorageUnavailable):
        b"".join(ObjectSource(env.objects, KEY, len(BODY)).read(0, len(BODY)))


def test_a_source_that_is_not_there_is_not_waited_for(env: ConversionEnvironment) -> None:
    with pytest.raises(ObjectMissing):
        b"".join(ObjectSource(env.objects, KEY, 10).read(0, 10))


def test_a_closed_source_waits_for_nothing(
    env: ConversionEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a process that was told to stop would wait for its readers' pauses."""
    monkeypatch.setattr(object_source, "READ_PAUSES", (3600.0,))
    source = BreakingSource(env, 0)
    source.close()

    with pytest.raises(StorageUnavailable):
        b"".join(source.read(0, len(BODY)))

    assert len(source.began) == 1


@pytest.fixture
def claimed(env: ConversionEnvironment) -> Conversion:
    claimed = env.leases.claim(env.add_queued().id, "worker", LEASE)
    assert claimed
    return claimed


def output(
    env: ConversionEnvironment,
    conversion: Conversion,
    fingerprint: str = "fingerprint",
    left: OutputUpload | None = None,
) -> MultipartOutput:
    """Return the output of an attempt that found what another left."""
    return MultipartOutput(
        env.objects,
        env.multipart,
        replace(conversion, output_upload=left),
        fingerprint,
        lambda _: None,
    )


def begun(env: ConversionEnvironment, conversion: Conversion) -> OutputUpload:
    """Return the multipart upload of an attempt as it is on the item."""
    (found,) = env.multipart.list_open(f"outputs/{conversion.id}/")
    return OutputUpload(found.key, found.multipart_id, "fingerprint")


def test_no_multipart_upload_is_begun_before_there_is_a_part(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    calls = record_calls(env.multipart, "create")
    sink = output(env, claimed)

    sink.finish_small(b"all of it")
    assert not calls
    sink.put_part(1, b"one")
    sink.put_part(2, b"two")

    assert calls == ["create"]


def test_parts_of_the_same_fingerprint_are_taken_over_and_others_aborted(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    output(env, claimed).put_part(1, b"one")
    left = begun(env, claimed)

    assert [part.number for part in output(env, claimed, left=left).stored_parts()] == [1]
    assert output(env, claimed, "another fingerprint", left).stored_parts() == ()
    assert not env.open_parts(claimed)


def test_an_object_that_was_never_published_is_deleted_by_the_next_attempt(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    first = output(env, claimed)
    part = first.put_part(1, b"one")
    left = begun(env, claimed)
    first.finish([part], 3)
    assert env.outputs(claimed)

    assert output(env, claimed, left=left).stored_parts() == ()
    assert not env.outputs(claimed)


def test_an_object_of_other_bytes_under_our_key_is_not_taken_for_ours(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    sink = output(env, claimed)
    part = sink.put_part(1, b"one")
    left = begun(env, claimed)
    env.multipart.complete(left.key, left.multipart_id, [part])

    with pytest.raises(StorageUnavailable):
        sink.finish([Part(1, 3, "ff" * 16)], 3)


def test_an_output_of_another_size_than_was_written_is_not_believed(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    sink = output(env, claimed)

    with pytest.raises(StorageUnavailable):
        sink.finish([sink.put_part(1, b"one")], 4)


def test_parts_come_in_any_order_and_make_one_object_in_theirs(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    sink = output(env, claimed)
    parts = [sink.put_part(number, body) for number, body in [(3, b"c"), (1, b"a"), (2, b"b")]]

    assert not env.outputs(claimed)
    sink.finish(parts, 3)
    assert list(env.outputs(claimed).values()) == [b"abc"]
    assert b"".join(sink.read_back(0, 3)) == b"abc"
    assert b"".join(sink.read_back(1, 2)) == b"b"


def test_discarding_takes_parts_and_object_but_for_what_is_spared(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    sink = output(env, claimed)
    sink.put_part(1, b"one")
    key = sink.finish_small(b"all of it")

    sink.discard([key])
    assert env.outputs(claimed)
    assert env.open_parts(claimed)
    sink.discard()
    assert not env.outputs(claimed)
    assert not env.open_parts(claimed)


@pytest.mark.parametrize("method", ["put_part", "finish_small"])
def test_a_write_under_way_when_the_output_is_discarded_leaves_nothing(
    env: ConversionEnvironment, claimed: Conversion, method: str
) -> None:
    """A thread that sends cannot be stopped; it notices before, during or after its call."""
    sink = output(env, claimed)
    sending, discarded = Event(), Event()
    port, slow = (env.multipart, "create") if method == "put_part" else (env.objects, "put")
    really = getattr(port, slow)

    def slowly(*arguments: Any) -> Any:
        sending.set()
        discarded.wait(0.3)  # a lock may rightly keep the one that discards until this is over
        return really(*arguments)

    setattr(port, slow, slowly)
    with ThreadPoolExecutor() as pool:
        sent = (
            pool.submit(sink.put_part, 1, b"one")
            if method == "put_part"
            else pool.submit(sink.finish_small, b"all of it")
        )
        sending.wait()
        sink.discard()
        discarded.set()
        sent.exception()  # waits for its end, whatever it is

    assert not env.outputs(claimed)
    assert not env.open_parts(claimed)


def test_after_it_was_discarded_no_part_begins_anything(
    env: ConversionEnvironment, claimed: Conversion
) -> None:
    sink = output(env, claimed)
    sink.discard()

    with pytest.raises(MultipartUploadGone):
        sink.put_part(1, b"one")

    assert not env.open_parts(claimed)


@pytest.mark.parametrize("method", ["put_part", "complete"])
def test_a_write_is_tried_again_a_few_times_and_no_more(
    env: ConversionEnvironment, claimed: Conversion, method: str
) -> None:
    sink = output(env, claimed)
    if method == "complete":
        sink.put_part(1, b"one")
    failed = fail_calls(env.multipart, method, None)

    with pytest.raises(StorageUnavailable):
        sink.put_part(1, b"one") if method == "put_part" else sink.finish([], 0)

    assert len(failed) == retry.ATTEMPTS
