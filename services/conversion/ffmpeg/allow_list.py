"""List what FFmpeg may read: protocols, demuxers and decoders.

No demuxer that opens other files (hls, dash, concat, image2) or interprets scripts, and no decoder
of pictures or video. A cover is copied as bytes and never decoded: a cover of 1 MB can need 900 MB
when it is decoded, and most of FFmpeg's vulnerabilities are in video decoders.
"""

PROTOCOLS = "fd"
"""Descriptors only: no file, no network. `fd:` exists since FFmpeg 6.1; memory files can seek."""

DEMUXERS = (
    "aa", "aac", "ac3", "aiff", "amr", "ape", "asf", "au", "avi", "caf", "dsf", "dts", "dtshd",
    "eac3", "flac", "flv", "gsm", "iff", "loas", "matroska,webm", "mov,mp4,m4a,3gp,3g2,mj2",
    "mlp", "mp3", "mpc", "mpc8", "mpeg", "mpegts", "ogg", "oma", "rm", "shn", "sox", "spdif", "tak",
    "truehd", "tta", "voc", "w64", "wav", "wsd", "wv",
)  # fmt: skip

PICTURE_DEMUXERS = ("png_pipe", "jpeg_pipe", "gif", "webp_pipe", "bmp_pipe", "tiff_pipe")
"""Recognised, so that a picture sent as audio is reported as such; they have no decoder."""

DECODERS = (
    "aac", "aac_latm", "ac3", "adpcm_adx", "adpcm_ima_amv", "adpcm_ima_qt", "adpcm_ima_wav",
    "adpcm_ms", "adpcm_swf", "adpcm_yamaha", "alac", "als", "amrnb", "amrwb", "ape", "atrac3",
    "atrac3plus", "cook", "dca", "dsd_lsbf", "dsd_lsbf_planar", "dsd_msbf", "dsd_msbf_planar",
    "eac3", "flac", "g722", "gsm", "gsm_ms", "mlp", "mp1", "mp1float", "mp2", "mp2float", "mp3",
    "mp3float", "mpc7", "mpc8", "nellymoser", "opus", "libopus", "pcm_alaw", "pcm_bluray",
    "pcm_dvd", "pcm_f32be", "pcm_f32le", "pcm_f64be", "pcm_f64le", "pcm_mulaw", "pcm_s16be",
    "pcm_s16be_planar", "pcm_s16le", "pcm_s16le_planar", "pcm_s24be", "pcm_s24le",
    "pcm_s24le_planar", "pcm_s32be", "pcm_s32le", "pcm_s32le_planar", "pcm_s64be", "pcm_s64le",
    "pcm_s8", "pcm_s8_planar", "pcm_u16be", "pcm_u16le", "pcm_u24be", "pcm_u24le", "pcm_u32be",
    "pcm_u32le", "pcm_u8", "qdm2", "ra_144", "ra_288", "real_144", "real_288", "shorten", "sipr",
    "speex", "tak", "truehd", "tta", "vorbis", "wavpack", "wmalossless", "wmapro", "wmav1",
    "wmav2", "wmavoice",
)  # fmt: skip

MAX_STREAMS = 256
"""Maximum number of streams that are read from one file. Films with many languages and subtitles
have about 50, sessions of studios some hundred."""


def input_options(protocols: str = PROTOCOLS) -> list[str]:
    """Return the options that precede an untrusted input."""
    return [
        *("-protocol_whitelist", protocols),
        *("-format_whitelist", ",".join(DEMUXERS + PICTURE_DEMUXERS)),
        *("-codec_whitelist", ",".join(DECODERS)),
        *("-max_streams", str(MAX_STREAMS)),
    ]
