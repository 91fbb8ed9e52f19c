"""Choose the output's channel layout, and mix to it by one rule for all formats.

The rule follows ITU-R BS.775. A channel that the output has is kept. Another one is added to its
nearest neighbours at -3 dB. The low-frequency channel (LFE) is never added to others. If a sum
could exceed full scale, all channels are reduced by the same gain, so that mixing cannot clip. So
stereo becomes mono by averaging. Mono becomes stereo without loss of level.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from services.conversion.ffmpeg.channel_layouts import DEFAULT_LAYOUTS, LAYOUTS, channels_of

_MINUS_3_DB = 1 / sqrt(2)
_MAX_SILENT_CHANNELS = 2
"""Silent channels that a lossy output may get so that no channel needs to be mixed."""
_SAME_SPEAKERS = {
    "SL": "BL", "SR": "BR", "BL": "SL", "BR": "SR", "DL": "FL", "DR": "FR", "BIL": "FL",
    "BIR": "FR",
}  # fmt: skip
"""Names for one pair of speakers: 5.1 has its surrounds at the side or at the back."""
_NEIGHBOURS: Mapping[str, Sequence[Sequence[str]]] = {
    "FL": [["FC"]],
    "FR": [["FC"]],
    "FC": [["FL", "FR"]],
    "BL": [["SL"], ["BC"], ["FL"], ["FC"]],
    "BR": [["SR"], ["BC"], ["FR"], ["FC"]],
    "SL": [["BL"], ["BC"], ["FL"], ["FC"]],
    "SR": [["BR"], ["BC"], ["FR"], ["FC"]],
    "BC": [["BL", "BR"], ["SL", "SR"], ["FL", "FR"], ["FC"]],
    "FLC": [["FL"], ["FC"]],
    "FRC": [["FR"], ["FC"]],
    "TFL": [["FL"], ["FC"]],
    "TFR": [["FR"], ["FC"]],
    "TBL": [["BL"], ["SL"], ["FL"], ["FC"]],
    "TBR": [["BR"], ["SR"], ["FR"], ["FC"]],
    "DL": [["FL"], ["FC"]],
    "DR": [["FR"], ["FC"]],
    "BIL": [["FL"], ["FC"]],
    "BIR": [["FR"], ["FC"]],
    "WL": [["FL"], ["FC"]],
    "WR": [["FR"], ["FC"]],
    "TC": [["FL", "FR"], ["FC"]],
    "TFC": [["FC"], ["FL", "FR"]],
    "TBC": [["BC"], ["BL", "BR"], ["SL", "SR"], ["FL", "FR"], ["FC"]],
}
"""The channels that a missing one is added to, the preferred ones first."""
_PAIRS = (("BL", "BR"), ("SL", "SR"), ("FLC", "FRC"), ("TFL", "TFR"), ("TBL", "TBR"))
_WAV_CHANNELS = (
    "FL", "FR", "FC", "LFE", "BL", "BR", "FLC", "FRC", "BC", "SL", "SR", "TC", "TFL", "TFC", "TFR",
    "TBL", "TBC", "TBR",
)  # fmt: skip
"""The speakers of WAVEFORMATEXTENSIBLE, in its order."""

Matrix = dict[str, dict[str, float]]
"""The gain of each source channel, by output channel."""


@dataclass(frozen=True)
class Mix:
    """Hold the output's layout and how it is made from the source's."""

    layout: str
    matrix: Matrix
    added: Sequence[str]
    """Silent channels of the output."""
    dropped: Sequence[str]
    """Channels of the source that the output does not contain."""
    mixed: Sequence[str] = ()
    """Channels of the source that are added to others, or shared by several."""
    moved: bool = False
    """A pair of channels without a front pair became left and right."""

    @property
    def adds_up(self) -> bool:
        """Return True if samples are multiplied or added, and not only moved."""
        return any(list(gains.values()) not in ([], [1.0]) for gains in self.matrix.values())

    def stored_as(self, order: Sequence[str]) -> "Mix":
        """Return the mix with the output's channels in the order in which a format stores them."""
        return replace(self, matrix={name: self.matrix[name] for name in order})

    def filters(self, source: Sequence[str]) -> list[str]:
        """Return FFmpeg's filters for a source with these channels.

        The pan filter refuses unusual layouts, so the channels get usual names first; it takes them
        by their numbers. If it only moves channels, it does so wrongly unless their order is kept,
        so they are put in order first as well.
        """
        first = {name: 0 for gains in self.matrix.values() for name in gains}
        order = [*first, *(name for name in source if name not in first)]
        numbers = "|".join(str(source.index(name)) for name in order)
        outputs = []
        for number, gains in enumerate(self.matrix.values()):
            if gains:
                terms = (f"{gain:.8g}*c{order.index(name)}" for name, gain in gains.items())
                outputs.append(f"c{number}={'+'.join(terms)}")
        is_permutation = len(first) == len(source) == len(outputs) == len(self.matrix)
        if is_permutation and not self.adds_up:
            return [f"channelmap=map={numbers}:channel_layout={self.layout}"]
        return [
            f"channelmap=map={numbers}:channel_layout={DEFAULT_LAYOUTS[len(source)]}",
            f"pan={'|'.join([self.layout, *outputs])}",
        ]


def choose_mix(
    source: Sequence[str],
    possible: Sequence[str],
    requested_channels: int | None,
    *,
    lossless: bool,
) -> Mix:
    """Return the mix to the best of the layouts that a format holds.

    Args:
        source: The channels of the source.
        possible: The layouts that the format holds; empty: any speakers of a WAV file.
        requested_channels: The number of channels that the request asks for, or None.
        lossless: The format stores silent channels at no cost, so any number may be added.
    """
    layouts = possible or _any_layout(source)
    if requested_channels is not None:
        layouts = [each for each in layouts if len(channels_of(each)) == requested_channels]
    fitting = [each for each in layouts if _relabel(source, channels_of(each)) is not None]
    if requested_channels is not None and requested_channels != len(source):
        fitting = []
    if requested_channels is None and not lossless:
        most = len(source) + _MAX_SILENT_CHANNELS
        fitting = [each for each in fitting if len(channels_of(each)) <= most]
    pair = _as_front_pair(source)
    if pair is not None and not any(len(channels_of(each)) == len(source) for each in fitting):
        mix = choose_mix(pair, possible, requested_channels, lossless=lossless)
        return _rename(mix, dict(zip(pair, source, strict=True)))
    if fitting:
        layout = min(fitting, key=lambda each: _distance(source, channels_of(each)))
    elif requested_channels is not None:
        default = DEFAULT_LAYOUTS[requested_channels]
        layout = default if default in layouts else layouts[0]
    else:
        layout = max(layouts, key=lambda each: _suitability(source, channels_of(each)))
    return _mix(source, layout)


def _any_layout(source: Sequence[str]) -> list[str]:
    """Return the layouts of a WAV or FLAC file: any speakers, in the order of the file format."""
    layouts = list(DEFAULT_LAYOUTS.values())
    channels = tuple(name for name in _WAV_CHANNELS if name in source)
    if channels == tuple(source):
        names = [name for name, each in LAYOUTS.items() if each == channels]
        layouts.insert(0, names[0] if names else "+".join(channels))
    return layouts


def _as_front_pair(source: Sequence[str]) -> Sequence[str] | None:
    """Return left and right, or the centre, for a source that has only another pair or channel."""
    if len(source) == 1 and source[0] != "FC":
        return ["FC"]
    return ["FL", "FR"] if tuple(source) in _PAIRS else None


def _rename(mix: Mix, names: Mapping[str, str]) -> Mix:
    matrix = {
        output: {names[name]: gain for name, gain in gains.items()}
        for output, gains in mix.matrix.items()
    }
    return replace(mix, matrix=matrix, dropped=[names[n] for n in mix.dropped], moved=True)


def _mix(source: Sequence[str], layout: str) -> Mix:
    target = channels_of(layout)
    names = _relabel(source, target, partially=True) or {}
    matrix: Matrix = {name: {} for name in target}
    for channel in source:
        if channel in names:
            matrix[names[channel]][channel] = 1.0
    others = [channel for channel in source if channel not in names]
    mixed = [channel for channel in others if _find_neighbours(channel, target)]
    for channel in mixed:
        for neighbour, gain in _find_neighbours(channel, target).items():
            matrix[neighbour][channel] = gain
    if len(source) == 1 and source[0] in mixed:
        # Mono in both speakers keeps its level.
        matrix = {name: dict.fromkeys(gains, 1.0) for name, gains in matrix.items()}
    loudest = max((sum(gains.values()) for gains in matrix.values()), default=1.0)
    if loudest > 1:
        matrix = {
            name: {each: gain / loudest for each, gain in gains.items()}
            for name, gains in matrix.items()
        }
    added = [name for name, gains in matrix.items() if not gains]
    dropped = [channel for channel in others if channel not in mixed]
    return Mix(layout, matrix, added, dropped, mixed)


def _relabel(
    source: Sequence[str], target: Sequence[str], *, partially: bool = False
) -> dict[str, str] | None:
    """Return the output channel of each source channel, or None if one would need mixing."""
    names: dict[str, str] = {}
    for channel in source:
        other = _SAME_SPEAKERS.get(channel, "")
        if channel in target:
            names[channel] = channel
        elif other in target and other not in source:
            names[channel] = other
        elif not partially:
            return None
    return names


def _distance(source: Sequence[str], target: Sequence[str]) -> tuple[int, int]:
    """Return how many channels are added, and how many get another name."""
    return len(target), sum(channel not in target for channel in source)


def _suitability(source: Sequence[str], target: Sequence[str]) -> tuple[float, int]:
    """Return how well a layout that needs mixing suits, to compare it with others.

    A kept channel counts 1, a silent one -1/2.
    """
    kept = len(_relabel(source, target, partially=True) or {})
    silent = len(_mix(source, "+".join(target)).added)
    return kept - silent / 2, len(target)


def _find_neighbours(channel: str, target: Sequence[str]) -> dict[str, float]:
    """Return the output channels that a missing channel is added to, with its gains."""
    for group in _NEIGHBOURS.get(channel, []):
        if all(each in target for each in group):
            reaches_mono = group == ["FC"] and channel not in ("FL", "FR", "FLC", "FRC")
            gain = 0.5 if reaches_mono or (channel == "BC" and group == ["FL", "FR"]) else None
            return dict.fromkeys(group, _MINUS_3_DB if gain is None else gain)
    return {}
