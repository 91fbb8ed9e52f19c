import type { Conversion, UploadLimits } from '../api/types';
import { decimal, locale, t } from '../i18n';

const BYTE_UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** Format a size in decimal units: "62.0 MB". */
export function formatBytes(bytes: number, isRoundedDown = false): string {
  let value = bytes;
  let unit = 0;
  for (; value >= 1000 && unit < BYTE_UNITS.length - 1; unit++) value /= 1000;
  const digits = unit === 0 || value >= 100 ? 0 : 1;
  const shown = isRoundedDown ? Math.floor(value * 10 ** digits) / 10 ** digits : value;
  return `${decimal(shown.toFixed(digits))} ${BYTE_UNITS[unit]}`;
}

/** Format a running count in the unit of its total, so that only the number changes. */
export function formatBytesOf(part: number, total: number): string {
  const [number, unit] = formatBytes(total).split(' ') as [string, string];
  const scale = 1000 ** BYTE_UNITS.indexOf(unit);
  const digits = /[.,]/.test(number) ? 1 : 0;
  return t.bytesOf(decimal((part / scale).toFixed(digits)), `${number} ${unit}`);
}

/** Format a duration as 3:07, or 1:02:03 from one hour on. */
export function formatDuration(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const twoDigits = (n: number) => String(n).padStart(2, '0');
  return h ? `${h}:${twoDigits(m)}:${twoDigits(s)}` : `${m}:${twoDigits(s)}`;
}

export function formatTimeLeft(seconds: number): string {
  if (seconds < 1.5) return t.secondsLeft(1);
  if (seconds < 90) return t.secondsLeft(Math.round(seconds));
  if (seconds < 5400) return t.minutesLeft(Math.round(seconds / 60));
  return t.hoursLeft(decimal((seconds / 3600).toFixed(1)));
}

/** Format how many seconds of audio are converted per second: "12x". */
export const formatSpeed = (speed: number) =>
  `${speed >= 10 ? Math.round(speed) : decimal(speed.toFixed(1))}x`;

/** Format an RFC 3339 time as "today, 23:30". Return an empty string if it is not a date. */
export function formatExpiry(time: string, now = new Date()): string {
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return '';
  const clock = date.toLocaleTimeString(locale(), { hour: 'numeric', minute: '2-digit' });
  const days = Math.round((startOfDay(date) - startOfDay(now)) / 86_400_000);
  if (days === 0) return t.today(clock);
  if (days === 1) return t.tomorrow(clock);
  const day = date.toLocaleDateString(locale(), {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
  });
  return `${day}, ${clock}`;
}

const startOfDay = (date: Date) =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/**
 * Describe how large a file may be, and how long it is kept. The size is rounded down, so that
 * every file up to the shown size is accepted.
 */
export function describeLimits({ max_file_size: size, lifetime }: UploadLimits): string {
  const hours = Math.round(lifetime / 3600);
  const time = hours > 48 ? t.days(Math.round(hours / 24)) : t.hours(hours);
  return t.limits(formatBytes(size, true), time);
}

/** Format a change of size as "−88%" or "+12%". Return an empty string if it is below 0.5%. */
export function formatSizeChange(before: number, after: number): string {
  const percent = Math.round(((after - before) / before) * 100);
  if (!Number.isFinite(percent) || percent === 0) return '';
  return percent < 0 ? `−${-percent}%` : `+${percent}%`;
}

/** Return the status text of a conversion. */
export function formatPhase({ status, phase, queue_position: position }: Conversion): string {
  if (status === 'completed') return t.done;
  if (status === 'failed') return t.failed;
  if (status === 'cancelled') return t.cancelled;
  if (phase === 'waiting') return t.waitingForUpload;
  if (phase === 'queued') return formatQueuePosition(position);
  if (phase === 'probing') return t.reading;
  if (phase === 'storing') return t.storing;
  return t.converting;
}

function formatQueuePosition(position: number | undefined): string {
  if (position === undefined) return t.inQueue;
  return position <= 1 ? t.nextInQueue : t.placeInQueue(position);
}

/** Return the extension of a file name in capitals, or "FILE" if it has none of usual length. */
export function fileExtension(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1).toUpperCase() : 'FILE';
}
