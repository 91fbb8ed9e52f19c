"""Name the tags that formats have in common, and translate the names of each format.

Sources: ID3v2.4 (https://id3.org/id3v2.4.0-frames), the MP4 atoms of iTunes, Vorbis comments
(https://xiph.org/vorbis/doc/v-comment.html), the attributes of Windows Media, APEv2 keys, and,
where these are silent, https://picard-docs.musicbrainz.org/en/appendices/tag_mapping.html.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Field:
    """Hold the names of one tag. An empty one means: there is no standard name."""

    name: str
    """Our name; FFmpeg's where it has one."""
    id3: str = ""
    mp4: str = ""
    vorbis: str = ""
    asf: str = ""
    aliases: tuple[str, ...] = ()
    """Other names in files, whatever the format."""
    info: bool = False
    """FFmpeg writes it into a RIFF INFO list, by our name."""


FIELDS = (
    Field("title", "TIT2", "©nam", "TITLE", "Title", info=True),
    Field("artist", "TPE1", "©ART", "ARTIST", "Author", info=True),
    Field("album", "TALB", "©alb", "ALBUM", "WM/AlbumTitle", info=True),
    Field("album_artist", "TPE2", "aART", "ALBUMARTIST", "WM/AlbumArtist", ("band",)),
    Field("composer", "TCOM", "©wrt", "COMPOSER", "WM/Composer", ("writer",)),
    Field(
        "date", "TDRC", "©day", "DATE", "WM/Year", ("year", "tyer", "tdrl", "datereleased"),
        info=True,
    ),
    Field("genre", "TCON", "©gen", "GENRE", "WM/Genre", info=True),
    Field(
        "track", "TRCK", "trkn", "TRACKNUMBER", "WM/TrackNumber", ("trackno", "partnumber"),
        info=True,
    ),
    Field("disc", "TPOS", "disk", "DISCNUMBER", "WM/PartOfSet", ("disk", "disknumber", "discno")),
    Field("track_total", "", "", "TRACKTOTAL", "", ("totaltracks", "trackcount", "totalparts")),
    Field("disc_total", "", "", "DISCTOTAL", "", ("totaldiscs", "disccount", "disktotal")),
    Field("comment", "COMM", "©cmt", "COMMENT", "Description", ("comments",), info=True),
    Field("lyrics", "USLT", "©lyr", "LYRICS", "WM/Lyrics", ("unsyncedlyrics", "unsynclyrics")),
    Field("bpm", "TBPM", "tmpo", "BPM", "WM/BeatsPerMinute", ("tempo",)),
    Field("isrc", "TSRC", "", "ISRC", "WM/ISRC"),
    Field("copyright", "TCOP", "cprt", "COPYRIGHT", "Copyright", info=True),
    Field("publisher", "TPUB", "", "PUBLISHER", "WM/Publisher", ("organization",)),
    Field("label", "", "", "LABEL"),
    Field("grouping", "TIT1", "©grp", "GROUPING", "WM/ContentGroupDescription", ("contentgroup",)),
    Field("subtitle", "TIT3", "", "SUBTITLE", "WM/SubTitle"),
    Field("disc_subtitle", "TSST", "", "DISCSUBTITLE", "WM/SetSubTitle", ("setsubtitle",)),
    Field("original_date", "TDOR", "", "ORIGINALDATE", "WM/OriginalReleaseYear"),
    Field("original_artist", "TOPE", "", "ORIGINALARTIST", "WM/OriginalArtist"),
    Field("original_album", "TOAL", "", "ORIGINALALBUM", "WM/OriginalAlbumTitle"),
    Field("lyricist", "TEXT", "", "LYRICIST", "WM/Writer"),
    Field("conductor", "TPE3", "©con", "CONDUCTOR", "WM/Conductor"),
    Field("remixer", "TPE4", "", "REMIXER", "WM/ModifiedBy", ("mixartist", "modifiedby")),
    Field("producer", "", "", "PRODUCER", "WM/Producer"),
    Field("engineer", "", "", "ENGINEER", "WM/Engineer"),
    Field("arranger", "", "", "ARRANGER", "WM/Arranger"),
    Field("mixer", "", "", "MIXER", "WM/Mixer", ("mix",)),
    Field("dj_mixer", "", "", "DJMIXER", "WM/DJMixer", ("djmix",)),
    Field("performer", "", "", "PERFORMER"),
    Field("title_sort", "TSOT", "sonm", "TITLESORT", "WM/TitleSortOrder", ("sortname",)),
    Field("artist_sort", "TSOP", "soar", "ARTISTSORT", "WM/ArtistSortOrder", ("sortartist",)),
    Field("album_sort", "TSOA", "soal", "ALBUMSORT", "WM/AlbumSortOrder", ("sortalbum",)),
    Field(
        "album_artist_sort", "TSO2", "soaa", "ALBUMARTISTSORT", "WM/AlbumArtistSortOrder",
        ("sortalbumartist",),
    ),
    Field(
        "composer_sort", "TSOC", "soco", "COMPOSERSORT", "WM/ComposerSortOrder", ("sortcomposer",)
    ),
    Field("compilation", "TCMP", "cpil", "COMPILATION", "WM/IsCompilation", ("itunescompilation",)),
    Field("mood", "TMOO", "", "MOOD", "WM/Mood"),
    Field("initial_key", "TKEY", "", "INITIALKEY", "WM/InitialKey", ("key",)),
    Field("media", "TMED", "", "MEDIA", "WM/Media"),
    Field("language", "TLAN", "", "LANGUAGE", "WM/Language"),
    Field("work", "", "©wrk", "WORK", "WM/Work"),
    Field("movement_name", "MVNM", "©mvn", "MOVEMENTNAME"),
    Field("movement", "MVIN", "©mvi", "MOVEMENT"),
    Field("movement_total", "", "©mvc", "MOVEMENTTOTAL"),
    Field("show_movement", "", "shwm", "SHOWMOVEMENT"),
    Field("website", "WOAR", "", "WEBSITE"),
    Field("description", "", "desc", "DESCRIPTION", "WM/SubTitleDescription"),
    Field("synopsis", "", "ldes", "SYNOPSIS"),
    Field("show", "", "tvsh", "SHOW"),
    Field("show_sort", "", "sosn", "SHOWSORT", "", ("sortshow",)),
    Field("network", "", "tvnn", "NETWORK"),
    Field("episode_id", "", "tven", "EPISODE_ID"),
    Field("episode_sort", "", "tves", "EPISODE_SORT"),
    Field("season_number", "", "tvsn", "SEASON_NUMBER"),
    Field("media_type", "", "stik", "MEDIA_TYPE"),
    Field("hd_video", "", "hdvd", "HD_VIDEO"),
    Field("gapless_playback", "", "pgap", "GAPLESS_PLAYBACK"),
    Field("advisory", "", "rtng", "ITUNESADVISORY"),
    Field("podcast", "PCST", "pcst", "PODCAST"),
    Field("category", "TCAT", "catg", "CATEGORY", "WM/Category"),
    Field("keywords", "TKWD", "keyw", "KEYWORDS"),
    Field("barcode", "", "", "BARCODE", "WM/Barcode"),
    Field("catalog_number", "", "", "CATALOGNUMBER", "WM/CatalogNo"),
    Field("musicbrainz_recording_id", "", "", "MUSICBRAINZ_TRACKID", "MusicBrainz/Track Id"),
    Field("musicbrainz_album_id", "", "", "MUSICBRAINZ_ALBUMID", "MusicBrainz/Album Id"),
    Field("musicbrainz_artist_id", "", "", "MUSICBRAINZ_ARTISTID", "MusicBrainz/Artist Id"),
    Field(
        "musicbrainz_album_artist_id", "", "", "MUSICBRAINZ_ALBUMARTISTID",
        "MusicBrainz/Album Artist Id",
    ),
    Field(
        "musicbrainz_release_group_id", "", "", "MUSICBRAINZ_RELEASEGROUPID",
        "MusicBrainz/Release Group Id",
    ),
    Field(
        "musicbrainz_release_track_id", "", "", "MUSICBRAINZ_RELEASETRACKID",
        "MusicBrainz/Release Track Id",
    ),
    Field("musicbrainz_work_id", "", "", "MUSICBRAINZ_WORKID", "MusicBrainz/Work Id"),
    Field("musicbrainz_disc_id", "", "", "MUSICBRAINZ_DISCID", "MusicBrainz/Disc Id"),
    Field("release_type", "", "", "RELEASETYPE", "MusicBrainz/Album Type"),
    Field("release_status", "", "", "RELEASESTATUS", "MusicBrainz/Album Status"),
    Field("release_country", "", "", "RELEASECOUNTRY", "MusicBrainz/Album Release Country"),
    Field("acoustid_id", "", "", "ACOUSTID_ID", "Acoustid/Id"),
    Field("acoustid_fingerprint", "", "", "ACOUSTID_FINGERPRINT", "Acoustid/Fingerprint"),
    *(Field(f"replaygain_{which}_{what}", "", "", f"REPLAYGAIN_{which}_{what}".upper())
      for which in ("track", "album") for what in ("gain", "peak")),
)  # fmt: skip
"""The order is that of files that we write."""

_PICARD = ("MusicBrainz/", "Acoustid/")
BY_NAME = {field.name: field for field in FIELDS}
_INFO_CODES = {
    "INAM": "title", "IART": "artist", "IPRD": "album", "ICRD": "date", "IGNR": "genre",
    "IPRT": "track", "ITRK": "track", "ICMT": "comment", "ICOP": "copyright", "IMUS": "composer",
    "ILNG": "language", "IKEY": "keywords", "IENG": "engineer", "IMED": "media",
}  # fmt: skip
BROADCAST = frozenset({
    "originator", "originator_reference", "origination_time", "time_reference", "umid",
    "coding_history",
})  # fmt: skip
"""Fields of the Broadcast Wave chunk (EBU Tech 3285), by FFmpeg's names. FFmpeg reports no other
field of it."""
BROADCAST_ALIASES = {"encoded_by": "originator", "creation_time": "origination_time"}
"""Names that FFmpeg uses for two of these fields when it reads a file."""
_NOT_ABOUT_THE_MUSIC = frozenset({
    "encoder", "encodedby", "encodersettings", "encodingsettings", "encodingparams", "encodedwith",
    "tsse", "tenc", "tlen", "tden", "tdtg", "tfle", "tsiz", "length", "duration", "tool", "©too",
    "©enc", "wmencodedby", "wmencodingsettings", "wmencodingtime", "wmtoolname", "wmtoolversion",
    "isvbr", "averagelevel", "peakvalue", "wmfsdkversion", "wmfsdkneeded",
    "deviceconformancetemplate",  "isft", "cdec",
    "itunsmpb", "itunpgap", "itunencodingparams", "itunesencodingparams", "itunmovi", "itunescddb1",
    "itunescddbtracknumber", "itunescddbids", "ituncddb1", "ituncddbtracknumber", "ituncddbids",
    "itunescddbinfo", "vendorid", "handlername", "majorbrand", "minorversion", "compatiblebrands",
    "creationtime", "metadatablockpicture", "coverart", "coverartmime", "bps", "numberofframes",
    "numberofbytes", "sourceid", "statisticswritingapp", "statisticswritingdateutc",
    "statisticstags", "waveformatextensiblechannelmask",
    "purchasedate", "accountid", "accounttype",  # as FFmpeg calls the first three below
    "purd", "apid", "akid", "ownr", "cnid", "geid", "atid", "sfid", "cmid", "plid", "xid", "flvr",
    "wmcontentid", "episodeuid", "encoderoptions", "software",
})  # fmt: skip
"""Tags that describe the source file, its encoder or its buyer, and not the music, normalised.

`iTunSMPB` would be wrong about the gaps of the output."""
_PRIVATE = re.compile(r"id3v2_priv\.|chapter\d{3}|itunes_cddb|_statistics_", re.IGNORECASE)
_OF_DEVICE = re.compile(
    r"(location|©?xyz|make|model|creationdate|software|camera|content\.identifier|live-photo"
    r"|player|collection|direction|rating\.user|com\.android)([.-].*)?",
    re.IGNORECASE,
)
"""Tags with the place and the device of a recording, in QuickTime and MP4."""
_QUICKTIME = "com.apple.quicktime."
_LANGUAGE = re.compile(r"(lyrics|unsyncedlyrics|comment)-([a-z]{3}|[^-]*-[a-z]{3})", re.IGNORECASE)
"""FFmpeg's names of frames that have a language."""
_LANGUAGE_SUFFIX = re.compile(r"-[a-z]{3}$")
SOUND_CHECK = "iTunNORM"


def free_form_name(name: str) -> str:
    """Return the name of a tag in a field of any name: TXXX in ID3, "----" in MP4.

    MusicBrainz Picard names some with a space where Windows Media has a slash.
    """
    field = BY_NAME.get(name)
    if field is None:
        return name
    return field.asf.replace("/", " ") if field.asf.startswith(_PICARD) else field.vorbis


def name_publisher(names: Iterable[str]) -> dict[str, str]:
    """Return the name of each tag in ID3 and ASF, which have one place for publisher and label."""
    names = list(names)
    has_publisher = "publisher" in names
    return {name: "publisher" if name == "label" and not has_publisher else name for name in names}


def _normalise(name: str) -> str:
    return re.sub(r"[\s_/:\-]", "", name).lower()


def _generic_names() -> dict[str, str]:
    found: dict[str, str] = {}
    for field in FIELDS:
        for alias in (field.name, field.vorbis, *field.aliases, field.asf.removeprefix("WM/")):
            found.setdefault(_normalise(alias), field.name)
    found.pop("")
    # In ASF alone, "Description" is a comment and "Writer" a lyricist.
    found["description"], found["writer"] = "description", "composer"
    return found


_GENERIC = _generic_names()
_BY_KIND = {
    "id3": {field.id3: field.name for field in FIELDS if field.id3}
    | {"TDRL": "date", "GRP1": "grouping", "UFID": "musicbrainz_recording_id"},
    "mp4": {field.mp4: field.name for field in FIELDS if field.mp4},
    "asf": {field.asf: field.name for field in FIELDS if field.asf},
    # FFmpeg's names are in lower case here.
    "ffmpeg": {
        native.lower(): field.name
        for field in FIELDS
        for native in (field.id3, field.asf)
        if native and (len(native) == 4 or "/" in native)
    }
    | {code.lower(): name for code, name in _INFO_CODES.items()},
}


def common_name(kind: str, name: str) -> str:
    """Return our name of a tag, the given name if we have none, or "" if it is not to be kept.

    `kind` says where the name comes from: id3, id3v1, mp4, asf, ape, vorbis, ffmpeg (a tag that
    FFmpeg has read), role (the task of a person in ID3) or own (a field of any name in MP4).
    """
    if kind == "ffmpeg" and name == "language":  # of the track, as in a film
        return ""
    if kind in ("ffmpeg", "mp4"):
        name = name.removeprefix(_QUICKTIME)
        if _OF_DEVICE.fullmatch(name):
            return ""
    if found := _BY_KIND.get(kind, {}).get(name):
        return found
    if name == SOUND_CHECK or name == f"COMM:{SOUND_CHECK}":
        return SOUND_CHECK
    if match := _LANGUAGE.fullmatch(name):
        return common_name(kind, match[1])
    name = name.strip().removeprefix("COMM:")
    normalised = _normalise(name)
    is_ignored = _normalise(_LANGUAGE_SUFFIX.sub("", name)) in _NOT_ABOUT_THE_MUSIC
    if not name.isprintable() or is_ignored or _PRIVATE.match(name):
        return ""
    if kind == "own" and name in _BY_KIND["id3"]:
        return _BY_KIND["id3"][name]
    return _GENERIC.get(normalised, name)
