"""One conversion from source to sink, step by step."""

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial

from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.ffmpeg import commands, ffmetadata
from services.conversion.ffmpeg.encode_plan import EncodePlan
from services.conversion.ffmpeg.log import AudioStream, FfmpegLog
from services.conversion.ffmpeg.process import (
    FfmpegProcess,
    FfmpegProgress,
    FfmpegResult,
    OnProgress,
)
from services.conversion.ffmpeg.profiles import EncoderProfile
from services.conversion.pipeline import cover, loudness, problems, truncation, validation
from services.conversion.pipeline.fades import fades
from services.conversion.pipeline.limits import Limits
from services.conversion.pipeline.plan import make_plan, pick_piece, piece_filters
from services.conversion.pipeline.progress_tracker import CONVERTED, ProgressTracker
from services.conversion.pipeline.store import store
from services.conversion.pipeline.tags import tags_file
from services.conversion.ports import (
    PART_SIZE,
    ConversionResult,
    EngineProgress,
    MediaError,
    OutputSink,
    SourceBytes,
)
from services.conversion.sandbox import process as sandbox
from services.conversion.storage.memory_file import MemoryFile
from services.conversion.storage.multipart_writer import MultipartWriter
from services.conversion.storage.source_cache import SourceCache

_INDEX_SLACK = 8 * 1024
_INDEX_BYTES_PER_FRAME = 4.1
"""An MP4 index needs 4 bytes a frame (stsz) and, per megabyte of sound, some for its chunk."""
_EFFORTS = {"count": 1, "measure": 4, "encode": 5}
"""What the passes through the sound take, one against the other: decoding is quick, loudness is measured at 192 kHz."""


@dataclass
class ConversionPipeline:
    """Call `run` once; the caller closes `window`."""

    program: str
    limits: Limits
    fmt: Format
    recipe: EncoderProfile
    options: ConversionOptions
    window: SourceCache
    source: SourceBytes
    sink: OutputSink
    tick: Callable[[EngineProgress], None]
    _warnings: list[str] = field(default_factory=list)
    _changing: bool = False
    """The source was seen to change its rate or channels in the middle."""

    def run(self) -> ConversionResult:
        """Raises MediaError, StorageUnavailable, and whatever `tick` raises."""
        self._ticker = ProgressTracker(self.tick)
        self._ticker.enter("probing", 0, 0)
        if sandbox.best_sandbox_level() is sandbox.SandboxLevel.SUPERVISED:
            self.window.prefetch()
        else:
            self.window.fetch_all(self._ticker.step)
        with ExitStack() as stack:
            report, found = self._describe()
            stream = self._check(report)
            self._source = validation.as_source(report, stream, found, self.window.size)
            duration = None if report.duration_is_estimated else report.duration
            if duration is not None and (self.options.start or 0) >= duration:
                raise MediaError(*validation.NOTHING_THERE)
            self._start, self._end = pick_piece(self.options, duration)
            guess = report.duration if self._end is None and report.duration else self._end
            self._expected = (
                guess - self._start if guess is not None and guess > self._start else None
            )
            self._ticker.describe(self._source, self._expected, self.window)
            picture = self._extract_cover(report)
            self._reading = commands.in_bulk(report.container, stream.codec)
            plan = make_plan(self.fmt, self.recipe, self.options, stream)
            self._warnings += plan.warnings
            if len(report.audio_streams) > 1:
                self._warnings.append(
                    f"There are {len(report.audio_streams)} sound tracks in this file: the first one was taken."
                )
            if (
                self._expected is not None
                and not report.duration_is_estimated
                and plan.bytes_per_second
            ):
                self._demand_room(plan.bytes_per_second * self._expected)
            shape = self._shape(plan, stream)
            end = self._end if self._end is not None else float("inf")
            tags = stack.enter_context(
                tags_file(self.recipe, found, picture, self._start, end, self._warnings)
            )
            by_stream = picture is not None and self.recipe.cover == "stream"
            art = (
                stack.enter_context(MemoryFile("cover", cover.as_flac(picture)))
                if picture is not None and by_stream
                else None
            )
            return self._make(plan, shape, stream, report, tags, art)

    def _describe(self) -> tuple[FfmpegLog, ffmetadata.Metadata]:
        with MemoryFile("tags") as tags:
            outcome = self._look(commands.describe(self.window.fd, tags.fd), tags)
            if not outcome.log.container:
                head = os.pread(
                    self.window.fd, 16, 0
                )  # not waited for: what it died of may be that they do not come
                problem = validation.check_signal(outcome.signal) or problems.classify_unreadable(
                    outcome.log, head
                )
                raise MediaError(*problem, _words(outcome))
            self._look_at_ends(outcome.log)
            return outcome.log, ffmetadata.parse(
                tags.read(self.limits.tags).decode(errors="replace")
            )

    def _look_at_ends(self, report: FfmpegLog) -> None:
        """Notes on the report what FFmpeg does not see: that a file was longer once."""
        size = self.window.size
        if seconds := truncation.declared_seconds(
            report.container, self.window.peek(0, truncation.HEAD), size
        ):
            report.duration, report.duration_is_estimated, report.is_truncated = (
                seconds,
                False,
                True,
            )
        if truncation.knows_the_end_of(report.container):
            report.is_truncated = (
                truncation.ends_within(
                    report.container,
                    self.window.peek(size - truncation.TAIL, truncation.TAIL),
                    size,
                )
                or report.is_truncated
            )

    def _check(self, report: FfmpegLog) -> AudioStream:
        stream = report.audio_streams[0] if report.audio_streams else None
        problem = validation.check_source(
            report, stream, self.limits.max_channels, self.limits.min_rate, self.limits.max_rate
        )
        if problem is not None:
            raise MediaError(*problem, "\n".join(report.messages))
        longest = self.limits.max_duration
        known = None if report.duration_is_estimated else report.duration
        if known is not None and known > longest and (self.options.end or known) > longest:
            raise MediaError(
                "too_long",
                f"The sound is longer than the {longest / 3600:g} hours that we convert.",
            )
        assert stream is not None
        return stream

    def _extract_cover(self, report: FfmpegLog) -> cover.Cover | None:
        if not report.attached_pictures:
            return None
        if not self.recipe.cover:
            self._warnings.append("The cover picture was left out: this format cannot hold one.")
            return None
        with MemoryFile("cover") as out:
            outcome = self._look(
                commands.extract_cover(self.window.fd, report.attached_pictures[0], out.fd), out
            )
            found = cover.recognise(out.read(self.limits.tags)) if outcome.ok else None
        if found is None:
            self._warnings.append(
                "The cover picture was left out: only JPEG and PNG of up to 12 MiB are carried over."
            )
        return found

    def _shape(self, plan: EncodePlan, stream: AudioStream) -> list[str]:
        """The filters that mix, fade and normalise; what they need to know is found by passes through the sound, one for each."""
        samples: int | None = (
            None if self._expected is None else round(self._expected * stream.sample_rate)
        )
        if (
            self.options.fade_out is not None
        ):  # to the sample, and right for a file that is cut off, too
            samples = self._pass("count", [], stream).encoded_samples or 0
        faded, warning = fades(self.options, samples, stream.sample_rate)
        shape = [*plan.mixing, *faded]
        self._warnings += [warning] if warning else []
        if self.options.normalize is not None:
            measured = self._pass("measure", [*shape, loudness.MEASURE], stream)
            filters, warning = loudness.correction(
                measured, self.options.normalize, plan.sample_rate
            )
            shape += filters
            self._warnings += [warning] if warning else []
        return shape

    def _pass(self, name: str, filters: Sequence[str], stream: AudioStream) -> FfmpegLog:
        self._enter_pass(name)
        chain = [*piece_filters(self.options, changing=self._changing), *filters]
        command = commands.measure(
            self.window.fd, self._reading, stream.index, chain, self.limits.max_duration + 1
        )
        outcome = self._run(command, [], self.limits.wall(self._expected), self._ticker.follow)
        if self._sees_change(outcome):
            return self._pass(name, filters, stream)
        self._demand_success(outcome)
        return outcome.log

    def _enter_pass(self, name: str) -> None:
        passes = {
            "count": self.options.fade_out is not None,
            "measure": self.options.normalize is not None,
            "encode": True,
        }
        efforts = {each: _EFFORTS[each] if needed else 0 for each, needed in passes.items()}
        before = sum(list(efforts.values())[: list(efforts).index(name)])
        percent = CONVERTED / sum(efforts.values())
        self._ticker.enter("converting", before * percent, (before + efforts[name]) * percent)

    def _sees_change(self, outcome: FfmpegResult) -> bool:
        """Whether the filters must be others, which did not know that the source changes its form in the middle."""
        first = outcome.log.format_changed and not self._changing
        self._changing = self._changing or outcome.log.format_changed
        return first

    def _make(
        self,
        plan: EncodePlan,
        shape: list[str],
        stream: AudioStream,
        report: FfmpegLog,
        tags: MemoryFile,
        art: MemoryFile | None,
    ) -> ConversionResult:
        extra = tags.size * 2 + (art.size if art else 0)
        frame = 4096 if plan.encoder == "alac" else 1024
        room = (
            extra
            + _INDEX_SLACK
            + int(_INDEX_BYTES_PER_FRAME * plan.sample_rate / frame * (self._expected or 3600))
        )
        for _ in range(3):
            self._enter_pass("encode")
            held = (
                (1 + (room // PART_SIZE if self.recipe.index_first else 0))
                if self.recipe.patches_head
                else 0
            )
            outbox = MultipartWriter(self.sink, held)
            try:
                filters = (
                    *piece_filters(self.options, changing=self._changing),
                    *shape,
                    *plan.filters,
                )
                outcome = self._encode(
                    replace(plan, filters=filters), stream, outbox, tags, art, room
                )
                if self._sees_change(outcome):
                    continue
                if outcome.log.missing_index_bytes:
                    room += outcome.log.missing_index_bytes + _INDEX_SLACK
                    continue
                self._demand_success(outcome)
                outbox.end_writing()
                self._ticker.enter("storing", CONVERTED, 100)
                key, size, digest, duration = store(
                    outbox,
                    partial(self._verify, plan, stream, report, outcome, outbox),
                    self._ticker,
                )
                return ConversionResult(key, size, duration, digest, tuple(self._warnings))
            finally:
                outbox.close()
        raise MediaError(*problems.INTERNAL, "the index of the MP4 did not fit twice")

    def _encode(
        self,
        plan: EncodePlan,
        stream: AudioStream,
        outbox: MultipartWriter,
        tags: MemoryFile,
        art: MemoryFile | None,
        room: int,
    ) -> FfmpegResult:
        def step(progress: FfmpegProgress) -> bool:
            self._ticker.follow(progress)
            self._demand_room(outbox.size)
            return outbox.send_finished_parts()

        inputs = [scratch.fd for scratch in (tags, art) if scratch]
        for fd in inputs:
            os.lseek(fd, 0, os.SEEK_SET)
        command = commands.convert(
            self.recipe, plan, source=self.window.fd, reading=self._reading, stream=stream.index, tags=tags.fd,
            cover=art.fd if art else None, out=outbox.fd, longest=self.limits.max_duration + 1, index_room=room,
        )  # fmt: skip
        largest = self.limits.max_output + PART_SIZE
        return self._run(
            command,
            [*inputs, outbox.fd],
            self.limits.wall(self._expected),
            step,
            largest,
            outbox.may_grow,
        )

    def _verify(
        self,
        plan: EncodePlan,
        stream: AudioStream,
        report: FfmpegLog,
        outcome: FfmpegResult,
        outbox: MultipartWriter,
        go_on: OnProgress,
    ) -> float:
        """Opens the output, compares durations, adds warnings; the output's duration in seconds."""
        run = FfmpegProcess(
            [self.program, *commands.verify(outbox.fd)], [outbox.fd], self.limits.rlimits(self.limits.probe_seconds, 0),
            self.limits.probe_seconds, self.limits.stall,
        )  # fmt: skip
        check = run.run(go_on)
        written = (outcome.log.encoded_samples or 0) / plan.sample_rate
        decoded = (
            None
            if outcome.log.decoded_samples is None
            else outcome.log.decoded_samples / stream.sample_rate
        )
        expected = (
            None if report.duration_is_estimated or self._expected is None else self._expected
        )
        account = validation.DurationCheck(
            expected,
            decoded,
            written,
            stream.sample_rate,
            report.is_truncated,
            report.track_count == 1,
            self._changing,
        )
        judged = validation.judge(account, outcome.log, self.options, self.limits.max_duration)
        if judged.problem is not None:
            raise MediaError(*judged.problem, _words(outcome))
        wrong = validation.check_output(check.log, self.recipe, plan, written)
        if wrong is not None or not check.ok:
            raise MediaError(*problems.INTERNAL, f"{wrong}\n{_words(check)}")
        self._warnings += [*judged.warnings, *validation.loud_places(outcome.log, plan)]
        return check.log.duration if self.recipe.measurable and check.log.duration else written

    def _look(self, command: list[str], out: MemoryFile) -> FfmpegResult:
        """A run that decodes nothing."""
        rlimits = self.limits.rlimits(self.limits.probe_seconds, self.limits.tags) | {
            "RLIMIT_CPU": self.limits.probe_cpu
        }
        return self._execute(
            command, [out.fd], rlimits, self.limits.probe_seconds, self._ticker.pass_by
        )

    def _run(
        self,
        command: list[str],
        descriptors: list[int],
        wall: float,
        step: OnProgress,
        largest: int | None = None,
        room: Callable[[], bool] | None = None,
    ) -> FfmpegResult:
        rlimits = self.limits.rlimits(wall, self.limits.tags if largest is None else largest)
        return self._execute(command, descriptors, rlimits, wall, step, room)

    def _execute(
        self,
        command: list[str],
        descriptors: list[int],
        rlimits: dict[str, int],
        wall: float,
        step: OnProgress,
        room: Callable[[], bool] | None = None,
    ) -> FfmpegResult:
        fds = [self.window.fd, *descriptors]
        return FfmpegProcess(
            [self.program, *command], fds, rlimits, wall, self.limits.stall, self.window, room
        ).run(step)

    def _demand_room(self, size: float) -> None:
        if (
            problem := validation.check_size(size, self.fmt, self.recipe, self.limits.max_output)
        ) is not None:
            raise MediaError(*problem)

    def _demand_success(self, outcome: FfmpegResult) -> None:
        problem = validation.check_exit(outcome.exit_code, outcome.signal, outcome.log)
        if problem is not None:
            raise MediaError(*problem, _words(outcome))


def _words(outcome: FfmpegResult) -> str:
    words = [f"exit {outcome.exit_code} signal {outcome.signal}", *outcome.log.messages]
    return "\n".join([*words, *(f"refused: {name}" for name in outcome.refused)])
