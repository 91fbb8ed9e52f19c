"""Fades at the ends of the result, to the sample."""

from libs.core.domain.formats import ConversionOptions


def fades(
    options: ConversionOptions, samples: int | None, sample_rate: int
) -> tuple[list[str], str | None]:
    """The filters, and a sentence where the result is too short for what was asked for.

    `samples` (per channel, of `sample_rate` hertz) is how long the piece is; None: nobody knows, which only a fade-out cannot do without.
    """
    rise, fall = (
        round((seconds or 0) * sample_rate) for seconds in (options.fade_in, options.fade_out)
    )
    warning = None
    if samples is not None and rise + fall > samples:
        rise, fall = (part * samples // (rise + fall) for part in (rise, fall))
        warning = f"The fades were shortened to fit: the result has only {samples / sample_rate:.1f} seconds."
    filters = [f"afade=t=in:ss=0:ns={rise}"] if rise else []
    if fall:
        assert samples is not None
        filters.append(f"afade=t=out:ss={samples - fall}:ns={fall}")
    return filters, warning
