"""Describe the audio to make: encoder, sample rate, channels and filters."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EncodePlan:
    """The audio to be made. Rates in hertz; `bits` of a sample or "f32" for lossless formats, "" for lossy ones."""

    encoder: str
    encoder_options: tuple[str, ...]
    sample_rate: int
    channels: int
    bits: int | str
    filters: tuple[str, ...]
    """In order. Fades and loudness belong before these and after `piece_filters` and `mixing`."""
    warnings: tuple[str, ...]
    mixing: tuple[str, ...] = ()
    """The filter that makes the channels, where they are others: before the loudness is measured, which it changes."""
    may_clip: bool = False
    """Samples may come out louder than they can be: the filters measure it."""

    @property
    def bytes_per_second(self) -> int | None:
        """Of plain samples; None where the encoder decides."""
        bits = 32 if self.bits == "f32" else self.bits
        return (
            self.sample_rate * self.channels * bits // 8
            if self.encoder.startswith("pcm_") and isinstance(bits, int)
            else None
        )
