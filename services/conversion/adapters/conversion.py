"""One conversion from source to sink, step by step."""

import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace

from libs.core.domain.formats import ConversionOptions, Format
from services.conversion.adapters import jail, memory
from services.conversion.adapters.limits import Limits
from services.conversion.adapters.outbox import Outbox
from services.conversion.adapters.run import Outcome, Progress, Run, Step
from services.conversion.adapters.ticker import Ticker
from services.conversion.adapters.window import Window
from services.conversion.media import classify, commands, cover, ends, loudness, metadata, verdict
from services.conversion.media.plan import CONTINUOUS, Plan, make_plan, pick_piece, trim_filter
from services.conversion.media.report import AudioStream, Report
from services.conversion.media.table import Recipe
from services.conversion.ports import PART_SIZE, MediaError, OutputSink, Result, SourceBytes, Tick

_INDEX_SLACK = 8 * 1024
_INDEX_BYTES_PER_FRAME = 4.1
"""An MP4 index needs 4 bytes a frame (stsz) and, per megabyte of sound, some for its chunk."""


@dataclass
class Conversion:
    """Call `run` once; the caller closes `window`."""

    program: str
    limits: Limits
    fmt: Format
    recipe: Recipe
    options: ConversionOptions
    window: Window
    source: SourceBytes
    sink: OutputSink
    tick: Callable[[Tick], None]
    _warnings: list[str] = field(default_factory=list)

    def run(self) -> Result:
        """Raises MediaError, StorageUnavailable, and whatever `tick` raises."""
        self._ticker = Ticker(self.tick)
        self._ticker.enter("probing", 0, 0)
        if jail.best_jail() is not jail.Jail.ASKING:
            self.window.fill(self._ticker.step)
        with ExitStack() as stack:
            report, found = self._describe()
            stream = self._check(report)
            self._source = verdict.as_source(report, stream, found, self.window.size)
            duration = None if report.estimated else report.duration
            if duration is not None and (self.options.start or 0) >= duration:
                raise MediaError(*verdict.NOTHING_THERE)
            self._start, self._end = pick_piece(self.options, duration)
            guess = report.duration if self._end is None and report.duration else self._end
            self._expected = guess - self._start if guess is not None and guess > self._start else None
            self._ticker.describe(self._source, self._expected, self.window)
            picture = self._extract_cover(report)
            plan = make_plan(self.fmt, self.recipe, self.options, stream)
            self._warnings += plan.warnings
            plan = self._normalize(plan, stream)
            tags_fd, cover_fd = self._carry(stack, found, picture)
            return self._make(plan, stream, report, tags_fd, cover_fd)

    def _describe(self) -> tuple[Report, metadata.Metadata]:
        with _Scratch("tags") as tags:
            outcome = self._run(commands.describe(self.window.fd, tags.fd), [tags.fd], self.limits.probe_seconds, self._ticker.pass_by)
            if not outcome.report.container:
                code, sentence = classify.classify_unreadable(outcome.report, os.pread(self.window.fd, 16, 0))
                raise MediaError(code, sentence, _words(outcome))
            self._look_at_ends(outcome.report)
            return outcome.report, metadata.parse(tags.read(self.limits.tags).decode(errors="replace"))

    def _look_at_ends(self, report: Report) -> None:
        """Notes on the report what FFmpeg does not see: that a WAV or Ogg file was longer once."""
        if report.container == "wav" and (seconds := ends.declared_wav_seconds(self.window.peek(0, 65536), self.window.size)):
            report.duration, report.estimated = seconds, False
        if report.container == "ogg":
            report.cut_off = report.cut_off or ends.ogg_is_cut_off(self.window.peek(self.window.size - ends.TAIL, ends.TAIL))

    def _check(self, report: Report) -> AudioStream:
        stream = report.audio[0] if report.audio else None
        problem = verdict.check_source(report, stream, self.limits.max_channels, self.limits.min_rate, self.limits.max_rate)
        if problem is not None:
            raise MediaError(*problem, "\n".join(report.trouble))
        longest = self.limits.max_duration
        known = None if report.estimated else report.duration
        if known is not None and known > longest and (self.options.end or known) > longest:
            raise MediaError("too_long", f"The sound is longer than the {longest / 3600:g} hours that we convert.")
        assert stream is not None
        return stream

    def _extract_cover(self, report: Report) -> cover.Cover | None:
        if not report.pictures:
            return None
        if not self.recipe.cover:
            self._warnings.append("The cover picture was left out: this format cannot hold one.")
            return None
        with _Scratch("cover") as out:
            command = commands.extract_cover(self.window.fd, report.pictures[0], out.fd)
            outcome = self._run(command, [out.fd], self.limits.probe_seconds, self._ticker.pass_by)
            found = cover.recognise(out.read(self.limits.tags)) if outcome.ok else None
        if found is None:
            self._warnings.append("The cover picture was left out: only JPEG and PNG of up to 12 MiB are carried over.")
        return found

    def _carry(self, stack: ExitStack, found: metadata.Metadata, picture: cover.Cover | None) -> tuple[int, int | None]:
        """Memory files with the tags and the cover as the new file shall have them."""
        chapters = metadata.trim_chapters(found.chapters, self._start, self._end if self._end is not None else float("inf"))
        tags = dict(found.tags) if self.recipe.tags else {}
        if self.recipe.chapters == "comments":
            tags |= metadata.as_comments(chapters)
        if picture is not None and self.recipe.cover == "comment":
            tags["METADATA_BLOCK_PICTURE"] = cover.as_comment(picture)
        if not self.recipe.chapters and chapters:
            self._warnings.append("The chapters were left out: this format cannot hold them.")
        tags_fd = stack.enter_context(_Scratch("tags", metadata.render(metadata.Metadata(tags, chapters)))).fd
        if picture is None or self.recipe.cover != "stream":
            return tags_fd, None
        return tags_fd, stack.enter_context(_Scratch("cover", cover.as_flac(picture))).fd

    def _normalize(self, plan: Plan, stream: AudioStream) -> Plan:
        if self.options.normalize is None:
            return plan
        self._ticker.enter("converting", 0, 45)
        command = commands.measure_loudness(
            self.window.fd, stream.index, [*trim_filter(self.options), CONTINUOUS], self.limits.max_duration + 1
        )
        outcome = self._run(command, [], self.limits.wall(self._expected), self._ticker.follow)
        self._demand_success(outcome, outcome.report)
        filters, warning = loudness.correction(outcome.report, self.options.normalize, plan.sample_rate)
        self._warnings += [warning] if warning else []
        return replace(plan, filters=(*plan.filters, *filters))

    def _make(self, plan: Plan, stream: AudioStream, report: Report, tags: int, picture: int | None) -> Result:
        self._ticker.enter("converting", 45 if self.options.normalize is not None else 0, 95)
        extra = os.fstat(tags).st_size * 2 + (os.fstat(picture).st_size if picture is not None else 0)
        frame = 4096 if plan.encoder == "alac" else 1024
        room = extra + _INDEX_SLACK + int(_INDEX_BYTES_PER_FRAME * plan.sample_rate / frame * (self._expected or 3600))
        for _ in range(2):
            held = (1 + (room // PART_SIZE if self.recipe.index_first else 0)) if self.recipe.patches_head else 0
            outbox = Outbox(self.sink, held)
            try:
                outcome = self._encode(plan, stream, outbox, tags, picture, room)
                if outcome.report.missing_index:
                    room += outcome.report.missing_index + _INDEX_SLACK
                    continue
                self._demand_success(outcome, outcome.report)
                duration = self._verify(plan, stream, report, outcome, outbox)
                self._ticker.enter("storing", 95, 100)
                key, size, digest = outbox.finish(self._ticker.share)
                return Result(key, size, duration, digest, tuple(self._warnings))
            finally:
                outbox.close()
        raise MediaError(*classify.INTERNAL, "the index of the MP4 did not fit twice")

    def _encode(self, plan: Plan, stream: AudioStream, outbox: Outbox, tags: int, picture: int | None, room: int) -> Outcome:
        def step(progress: Progress) -> bool:
            self._ticker.follow(progress)
            if outbox.size > self.limits.max_output:
                raise MediaError("too_large", "The result would be larger than we can store.")
            return outbox.pump()

        for fd in (tags, picture):
            if fd is not None:
                os.lseek(fd, 0, os.SEEK_SET)
        command = commands.convert(
            self.recipe, plan, source=self.window.fd, stream=stream.index, tags=tags, cover=picture, out=outbox.fd,
            longest=self.limits.max_duration + 1, index_room=room,
        )  # fmt: skip
        descriptors = [fd for fd in (tags, picture, outbox.fd) if fd is not None]
        return self._run(command, descriptors, self.limits.wall(self._expected), step, self.limits.max_output + PART_SIZE, outbox.room)

    def _verify(self, plan: Plan, stream: AudioStream, report: Report, outcome: Outcome, outbox: Outbox) -> float:
        """Opens the output, compares durations, adds warnings; the output's duration in seconds."""
        os.lseek(outbox.fd, 0, os.SEEK_SET)
        run = Run(
            [self.program, *commands.verify(outbox.fd)], [outbox.fd], self.limits.rlimits(self.limits.probe_seconds, 0),
            self.limits.probe_seconds, self.limits.stall,
        )  # fmt: skip
        check = run.execute(self._ticker.pass_by)
        written = (outcome.report.written or 0) / plan.sample_rate
        decoded = None if outcome.report.samples is None else outcome.report.samples / stream.sample_rate
        expected = None if report.estimated or self._expected is None else self._expected
        judged = verdict.judge(outcome.report, report.cut_off, decoded, written, expected, self.options, self.limits.max_duration)
        if judged.problem is not None:
            raise MediaError(*judged.problem, _words(outcome))
        wrong = verdict.check_output(check.report, self.recipe, plan, written)
        if wrong is not None or not check.ok:
            raise MediaError(*classify.INTERNAL, f"{wrong}\n{_words(check)}")
        self._warnings += judged.warnings
        return check.report.duration if self.recipe.measurable and check.report.duration else written

    def _run(
        self,
        command: list[str],
        descriptors: list[int],
        wall: float,
        step: Step,
        largest: int | None = None,
        room: Callable[[], bool] | None = None,
    ) -> Outcome:
        rlimits = self.limits.rlimits(wall, self.limits.tags if largest is None else largest)
        fds = [self.window.fd, *descriptors]
        return Run([self.program, *command], fds, rlimits, wall, self.limits.stall, self.window, room).execute(step)

    def _demand_success(self, outcome: Outcome, report: Report) -> None:
        problem = verdict.check_exit(outcome.exit_code, outcome.signal, report)
        if problem is not None:
            raise MediaError(*problem, _words(outcome))


class _Scratch:
    """A small memory file for as long as a `with`."""

    def __init__(self, name: str, content: bytes = b"") -> None:
        self.fd = memory.holding(name, content)

    def __enter__(self) -> "_Scratch":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)

    def read(self, most: int) -> bytes:
        return os.pread(self.fd, min(most, os.fstat(self.fd).st_size), 0)


def _words(outcome: Outcome) -> str:
    words = [f"exit {outcome.exit_code} signal {outcome.signal}", *outcome.report.trouble]
    return "\n".join([*words, *(f"refused: {name}" for name in outcome.refused)])
