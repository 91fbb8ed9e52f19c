/** Extensions of the files that accompany music and that no converter can read. */
const NOT_MEDIA = new Set(
  (
    'accurip bmp cue csv db doc docx gif htm html ini jpeg jpg json lrc log m3u m3u8 md md5 nfo ' +
    'par2 pdf pls png rtf sfv sha1 sha256 svg tif tiff txt url webp xml zip'
  ).split(' '),
);

/**
 * Return true if a file may have sound.
 *
 * An unknown extension counts as sound, because the service reads what FFmpeg reads.
 */
export function mayHaveSound({ name, type }: Pick<File, 'name' | 'type'>): boolean {
  if (/^(audio|video)\//.test(type) && !/mpegurl|scpls/.test(type)) return true;
  return !NOT_MEDIA.has(name.slice(name.lastIndexOf('.') + 1).toLowerCase());
}
