"""Define FFmpeg's channel layouts: which speakers each of them has, in their order.

The names are FFmpeg's (`ffmpeg -layouts`). A layout without a name lists its channels, as `FC+LFE`.
"""

import re

LAYOUTS: dict[str, tuple[str, ...]] = {
    name: tuple(channels.split("+"))
    for name, channels in {
        "mono": "FC",
        "stereo": "FL+FR",
        "2.1": "FL+FR+LFE",
        "3.0": "FL+FR+FC",
        "3.0(back)": "FL+FR+BC",
        "4.0": "FL+FR+FC+BC",
        "quad": "FL+FR+BL+BR",
        "quad(side)": "FL+FR+SL+SR",
        "3.1": "FL+FR+FC+LFE",
        "5.0": "FL+FR+FC+BL+BR",
        "5.0(side)": "FL+FR+FC+SL+SR",
        "4.1": "FL+FR+FC+LFE+BC",
        "5.1": "FL+FR+FC+LFE+BL+BR",
        "5.1(side)": "FL+FR+FC+LFE+SL+SR",
        "6.0": "FL+FR+FC+BC+SL+SR",
        "6.0(front)": "FL+FR+FLC+FRC+SL+SR",
        "3.1.2": "FL+FR+FC+LFE+TFL+TFR",
        "hexagonal": "FL+FR+FC+BL+BR+BC",
        "6.1": "FL+FR+FC+LFE+BC+SL+SR",
        "6.1(back)": "FL+FR+FC+LFE+BL+BR+BC",
        "6.1(front)": "FL+FR+LFE+FLC+FRC+SL+SR",
        "7.0": "FL+FR+FC+BL+BR+SL+SR",
        "7.0(front)": "FL+FR+FC+FLC+FRC+SL+SR",
        "7.1": "FL+FR+FC+LFE+BL+BR+SL+SR",
        "7.1(wide)": "FL+FR+FC+LFE+BL+BR+FLC+FRC",
        "7.1(wide-side)": "FL+FR+FC+LFE+FLC+FRC+SL+SR",
        "5.1.2": "FL+FR+FC+LFE+SL+SR+TFL+TFR",
        "5.1.2(back)": "FL+FR+FC+LFE+BL+BR+TFL+TFR",
        "octagonal": "FL+FR+FC+BL+BR+BC+SL+SR",
        "cube": "FL+FR+BL+BR+TFL+TFR+TBL+TBR",
        "5.1.4": "FL+FR+FC+LFE+SL+SR+TFL+TFR+TBL+TBR",
        "7.1.2": "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR",
        "7.1.4": "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBL+TBR",
        "7.2.3": "FL+FR+FC+LFE+BL+BR+SL+SR+TFL+TFR+TBC+LFE2",
        "9.1.4": "FL+FR+FC+LFE+BL+BR+FLC+FRC+SL+SR+TFL+TFR+TBL+TBR",
        "9.1.6": "FL+FR+FC+LFE+BL+BR+FLC+FRC+SL+SR+TFL+TFR+TBL+TBR+TSL+TSR",
        "hexadecagonal": "FL+FR+FC+BL+BR+BC+SL+SR+TFL+TFC+TFR+TBL+TBC+TBR+WL+WR",
        "binaural": "BIL+BIR",
        "downmix": "DL+DR",
        "22.2": "FL+FR+FC+LFE+BL+BR+FLC+FRC+BC+SL+SR+TC+TFL+TFC+TFR+TBL+TBC+TBR+LFE2"
        "+TSL+TSR+BFC+BFL+BFR",
    }.items()
}
DEFAULT_LAYOUTS = {
    1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1",
}  # fmt: skip
"""The layout of this many channels whose speakers are not stated, as FLAC and Vorbis define it."""
_AMBISONIC = re.compile(r"ambisonic (\d{1,2})")
_COUNTED = re.compile(r"(\d{1,6}) channels(?: \(([\w+@]+)\))?")


def parse_layout(description: str) -> tuple[int, str]:
    """Return the number of channels and the layout that FFmpeg describes; 0 if it is no layout.

    The layout is "" if FFmpeg does not know the speakers.
    """
    if description in LAYOUTS:
        return len(LAYOUTS[description]), description
    if match := _AMBISONIC.match(description):
        return (int(match[1]) + 1) ** 2, ""
    if match := _COUNTED.match(description):
        names = match[2] or ""
        return int(match[1]), names if _are_known(names) else ""
    return 0, ""


def channels_of(layout: str) -> tuple[str, ...]:
    """Return the speakers of a layout in their order."""
    return LAYOUTS.get(layout) or tuple(layout.split("+"))


def _are_known(names: str) -> bool:
    known = {name for channels in LAYOUTS.values() for name in channels}
    return bool(names) and known.issuperset(names.split("+"))
