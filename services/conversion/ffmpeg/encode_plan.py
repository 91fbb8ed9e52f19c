"""Describe the audio to make: encoder, sample rate, channels and filters."""

from dataclasses import dataclass

from libs.core.domain.conversions import ConversionWarning
from services.conversion.ffmpeg.channel_layouts import channels_of


@dataclass(frozen=True)
class EncodePlan:
    """Hold the settings of one output."""

    encoder: str
    encoder_options: tuple[str, ...]
    sample_rate: int
    """Hertz."""
    layout: str
    """FFmpeg's name of the channel layout."""
    bits: int | str
    """Bits of a sample or "f32" for lossless formats, "" for lossy ones."""
    last_filters: tuple[str, ...]
    """The filters that come after those that trim, mix, fade and normalise."""
    warnings: tuple[ConversionWarning, ...]
    mixing: tuple[str, ...] = ()
    """The filters that mix channels, if they change. They come before loudness is measured, because
    mixing changes the loudness."""
    adds_up: bool = False
    """Mixing multiplies or adds samples, and does not only move channels."""
    resampling: str = ""
    """The filter that changes the sample rate."""
    lead: int = 0
    """Samples of silence in front, because decoders skip this many."""
    may_clip: bool = False
    """Samples may exceed full scale, so `last_filters` measure the peak."""

    @property
    def channels(self) -> int:
        """Return the number of channels."""
        return len(channels_of(self.layout))

    @property
    def bytes_per_second(self) -> int | None:
        """Return the data rate of PCM; None for other encoders."""
        bits = 32 if self.bits == "f32" else self.bits
        if not self.encoder.startswith("pcm_") or not isinstance(bits, int):
            return None
        return self.sample_rate * self.channels * bits // 8

    @property
    def frame_size(self) -> int:
        """Return the samples per frame of an encoder that writes to MP4."""
        return 4096 if self.encoder == "alac" else 1024
