import type { ConversionSettings } from '../conversion/conversionSettings';

/** The part of a file that is converted, in seconds. All values fit into the file. */
export interface Selection {
  duration: number;
  start: number;
  end: number;
  fadeIn: number;
  fadeOut: number;
}

/** A value of the selection that can be dragged. */
export type Edge = 'start' | 'end' | 'fadeIn' | 'fadeOut';

/** Shorter selections cannot be dragged, because their handles would cover each other. */
const MIN_LENGTH = 0.1;
/** The longest fade that the service offers. */
const MAX_FADE = 600;

const FIELDS = { start: 'start', end: 'end', fadeIn: 'fade_in', fadeOut: 'fade_out' } as const;

export const clamp = (value: number, min: number, max: number) =>
  Math.max(min, Math.min(value, max));

/** Round to hundredths of a second, which is finer than a pixel. */
const rounded = (seconds: number) => Math.round(seconds * 100) / 100;

/** Round so that two fades together never get longer than the selection. */
const roundedDown = (seconds: number) => Math.floor(seconds * 100 + 1e-6) / 100;

export const lengthOf = ({ start, end }: Selection) => end - start;

/** Return what the settings select of a file that lasts `duration` seconds. */
export function selectionOf(settings: ConversionSettings, duration: number): Selection {
  const start = clamp(settings.start ?? 0, 0, Math.max(0, duration - MIN_LENGTH));
  const end = clamp(settings.end ?? duration, Math.min(start + MIN_LENGTH, duration), duration);
  const fadeIn = clamp(settings.fade_in ?? 0, 0, end - start);
  const fadeOut = clamp(settings.fade_out ?? 0, 0, end - start - fadeIn);
  return { duration, start, end, fadeIn, fadeOut };
}

/** Return the smallest and the largest value that an edge can have while the others stay. */
export function limitsOf(selection: Selection, edge: Edge): [min: number, max: number] {
  const { duration, start, end, fadeIn, fadeOut } = selection;
  if (edge === 'start') return [0, Math.max(0, end - MIN_LENGTH)];
  if (edge === 'end') return [Math.min(start + MIN_LENGTH, duration), duration];
  const other = edge === 'fadeIn' ? fadeOut : fadeIn;
  return [0, Math.min(MAX_FADE, end - start - other)];
}

/**
 * Return the settings after one edge was moved.
 *
 * Fades that no longer fit into the selection get shorter: the service would refuse them.
 */
export function withEdge(
  settings: ConversionSettings,
  duration: number,
  edge: Edge,
  value: number,
): ConversionSettings {
  const before = selectionOf(settings, duration);
  const moved = { ...settings, [FIELDS[edge]]: rounded(clamp(value, ...limitsOf(before, edge))) };
  const { fadeIn, fadeOut } = selectionOf(moved, duration);
  const isWhole = moved.end !== undefined && moved.end >= rounded(duration);
  return withoutEmpty({
    ...moved,
    start: moved.start || undefined,
    end: isWhole ? undefined : moved.end,
    fade_in: moved.fade_in && roundedDown(fadeIn),
    fade_out: moved.fade_out && roundedDown(fadeOut),
  });
}

/** Return the settings for the whole file, without fades. */
export function withoutCut(settings: ConversionSettings): ConversionSettings {
  const { start: _s, end: _e, fade_in: _i, fade_out: _o, ...others } = settings;
  return others;
}

/** Leave out what is not set, and fades of 0 s, which the service refuses. */
function withoutEmpty(settings: ConversionSettings): ConversionSettings {
  const isSet = ([name, value]: [string, unknown]) =>
    value !== undefined && !(value === 0 && name.startsWith('fade'));
  return Object.fromEntries(Object.entries(settings).filter(isSet)) as unknown as typeof settings;
}

/** Return how loud the selection is at a time: 0 outside of it, rising and falling in its fades. */
export function gainAt({ start, end, fadeIn, fadeOut }: Selection, time: number): number {
  if (time < start || time > end) return 0;
  const rise = fadeIn ? (time - start) / fadeIn : 1;
  const fall = fadeOut ? (end - time) / fadeOut : 1;
  return clamp(Math.min(rise, fall), 0, 1);
}
