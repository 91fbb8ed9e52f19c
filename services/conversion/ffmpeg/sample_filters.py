"""Build the filters that find and replace samples that are not numbers."""

COUNT_INVALID_SAMPLES = (
    "astats=measure_overall=Number_of_NaNs+Number_of_Infs+Max_level+Min_level"
    ":measure_perchannel=none"
)
"""Count infinite samples and those that are not a number, and find the largest ones."""
LARGEST_SAMPLE = 1e10
"""200 dB above full scale: larger samples come from faults, and encoders refuse them."""


def silence_invalid_samples(channels: int) -> str:
    """Return the filter that makes samples zero that are infinite, too large or not a number."""
    expressions = "|".join(
        f"if(lt(abs(val({n})),{LARGEST_SAMPLE:g}),val({n}),0)" for n in range(channels)
    )
    return f"aeval=exprs='{expressions}':c=same"
