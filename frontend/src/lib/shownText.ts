/**
 * Return a text of strangers without characters that turn the direction of what is around them.
 *
 * With U+202E, "song-gpj.exe" would be shown as "song-exe.jpg". Letters that are written from right
 * to left need no such character.
 */
export const shownText = (text: string): string => text.replace(/\p{Bidi_Control}/gu, '');
