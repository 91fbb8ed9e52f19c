"""Test the parser of FFmpeg's log, on lines that FFmpeg printed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.conversion.ffmpeg.allow_list import MAX_STREAMS
from services.conversion.ffmpeg.audio_stream import AudioStream, parse_audio
from services.conversion.ffmpeg.log import FfmpegLog, FfmpegLogParser
from services.conversion.ffmpeg.log_lines import parse_line

FILM = """\
[in#0/mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [warning] Could not find codec parameters for stream 0
[info] Input #0, mov,mp4,m4a,3gp,3g2,mj2, from 'fd:':
[info]   Metadata:
[info]     title           : Stream #0:7: Audio: flac, 1 Hz, mono
[info]   Duration: 01:00:02.50, start: 0.000000, bitrate: 474 kb/s
[info]   Stream #0:0[0x1](und): Video: mpeg4 (mp4v / 0x7634706D), yuv420p, 320x240, \
333 kb/s, 25 fps (default)
[info]   Stream #0:1[0x2](eng): Audio: aac (LC) (mp4a / 0x6134706D), 44100 Hz, 5.1(side), \
fltp, delay 1024, 127 kb/s (default)
[info]   Stream #0:2: Video: png, none, 90k tbr, 90k tbn (attached pic)
[info] Stream mapping:
[info]   Stream #0:1 -> #0:0 (aac (native) -> pcm_s16le (native))
[info] Output #0, null, to 'pipe:':
[info]   Stream #0:0(und): Audio: pcm_s16le, 8000 Hz, mono, s16, 1411 kb/s (default)
[in#0/wav @ 0x5] [verbose]   Input stream #0:1 (audio): 36 packets read (864000 bytes); \
36 frames decoded; 2 decode errors (288000 samples);
[out#0/mp3 @ 0x5] [verbose]   Output stream #0:1 (audio): 383 frames encoded \
(441000 samples); 384 packets muxed (160496 bytes);"""


def read(text: str) -> FfmpegLog:
    """Parse all lines."""
    parser = FfmpegLogParser()
    for line in text.split("\n"):
        parser.feed(parse_line(line))
    return parser.log


def test_the_log_of_a_film() -> None:
    log = read(FILM)
    assert log.duration == 3602.5
    assert log.audio_streams == [
        AudioStream(
            1,
            "aac",
            44100,
            6,
            127_000,
            "flt",
            32,
            "5.1(side)",
            "eng",
            frozenset({"default"}),
            "mp4a",
        )
    ]
    assert log.video_streams == 2
    assert log.attached_pictures == [1]
    assert (log.decode_errors, log.decoded_samples, log.encoded_samples) == (
        2,
        288_000,
        441_000,
    )
    assert len(log.messages) == 1


@pytest.mark.parametrize(
    ("description", "stream"),
    [
        (
            "flac, 96000 Hz, mono, s32 (24 bit)",
            AudioStream(0, "flac", 96000, 1, 0, "s32", 24, "mono"),
        ),
        (
            "pcm_u8 ([1][0][0][0] / 0x0001), 8000 Hz, 2 channels, u8, 128 kb/s",
            AudioStream(0, "pcm_u8", 8000, 2, 128_000, "u8", 8),
        ),
        (
            "wmav2 (a[1][0][0] / 0x0161), 44100 Hz, stereo, fltp, 128 kb/s",
            AudioStream(0, "wmav2", 44100, 2, 128_000, "flt", 32, "stereo"),
        ),
        (
            "opus, 48000 Hz, 7.1, fltp, delay 312",
            AudioStream(0, "opus", 48000, 8, 0, "flt", 32, "7.1"),
        ),
        ("none, 0 channels", AudioStream(0, "none", 0, 0, 0, "", 0)),
    ],
)
def test_an_audio_stream_is_parsed(description: str, stream: AudioStream) -> None:
    assert parse_audio(0, description) == stream


@given(st.text())
def test_any_text_is_parsed_without_an_exception(text: str) -> None:
    read(text)
    parse_audio(0, text)


def test_no_more_streams_than_ffmpeg_reads_are_believed() -> None:
    text = "[info] Input #0, mov, from 'fd:':\n" + "\n".join(
        f"[info]   Stream #0:{number}: Audio: flac, 44100 Hz, stereo, s16" for number in range(2000)
    )
    assert len(read(text).audio_streams) == MAX_STREAMS


@pytest.mark.parametrize("value", ["[" * 3000, "{}", "[1]", "null"])
def test_a_loudness_that_is_no_number_is_none(value: str) -> None:
    log = FfmpegLog(loudness_json='{"input_i": ' + value + "}")
    with pytest.raises(ValueError, match=r"loudnorm|Expecting"):
        log.loudness()
