"""Fade the result in and out, exact to the sample."""

from libs.core.domain.conversions import ConversionWarning
from libs.core.domain.formats import ConversionOptions


def fades(
    options: ConversionOptions, samples: int | None, sample_rate: int
) -> tuple[list[str], ConversionWarning | None]:
    """Return the filters, and a warning if the result is too short for the requested fades.

    `samples` is the length of the result in samples per channel at `sample_rate` hertz. It may be
    None (unknown) if no fade-out is requested.
    """
    fade_in, fade_out = (
        round((seconds or 0) * sample_rate) for seconds in (options.fade_in, options.fade_out)
    )
    warning = None
    if samples is not None and fade_in + fade_out > samples:
        fade_in, fade_out = (part * samples // (fade_in + fade_out) for part in (fade_in, fade_out))
        seconds = samples / sample_rate
        warning = ConversionWarning(
            "fades_shortened",
            f"The fades were shortened to fit, because the result has {seconds:.1f} seconds.",
        )
    filters = [f"afade=t=in:ss=0:ns={fade_in}"] if fade_in else []
    if fade_out:
        assert samples is not None
        filters.append(f"afade=t=out:ss={samples - fade_out}:ns={fade_out}")
    return filters, warning
