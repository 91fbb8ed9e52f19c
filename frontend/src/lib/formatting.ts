import type { Conversion } from '../api/types';

/** Numbers and states as a person says them. */

export function bytes(value: number): string {
  const units = ['B', 'KB', 'MB', 'GB', 'TB'];
  let unit = 0;
  for (; value >= 1000 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[unit]}`;
}

/** For a running count next to its total: same unit, so that only the number moves. */
export function bytesOf(part: number, whole: number): string {
  const [number, unit] = bytes(whole).split(' ') as [string, string];
  const scale = 1000 ** ['B', 'KB', 'MB', 'GB', 'TB'].indexOf(unit);
  const digits = number.includes('.') ? 1 : 0;
  return `${(part / scale).toFixed(digits)} of ${number} ${unit}`;
}

/** 3:07, or 1:02:03. */
export function clock(seconds: number): string {
  const whole = Math.round(seconds);
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  const two = (n: number) => String(n).padStart(2, '0');
  return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
}

export function timeLeft(seconds: number): string {
  if (seconds < 1.5) return 'a second left';
  if (seconds < 90) return `${Math.round(seconds)} s left`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min left`;
  return `${(seconds / 3600).toFixed(1)} h left`;
}

/** "12x": how much faster than listening. */
export const times = (speed: number) => `${speed >= 10 ? Math.round(speed) : speed.toFixed(1)}x`;

export function keptUntil(iso: string, now = new Date()): string {
  const date = new Date(iso);
  if (Number.isNaN(date.getTime())) return '';
  const time = date.toLocaleTimeString([], { hour: 'numeric', minute: '2-digit' });
  const days = Math.round((startOfDay(date) - startOfDay(now)) / 86_400_000);
  if (days === 0) return `today, ${time}`;
  if (days === 1) return `tomorrow, ${time}`;
  return `${date.toLocaleDateString([], { weekday: 'short', day: 'numeric', month: 'short' })}, ${time}`;
}

const startOfDay = (date: Date) =>
  new Date(date.getFullYear(), date.getMonth(), date.getDate()).getTime();

/** "−88%", or "+12%"; nothing when there is nothing to tell. */
export function sizeChange(before: number, after: number): string {
  const percent = Math.round(((after - before) / before) * 100);
  if (!Number.isFinite(percent) || percent === 0) return '';
  return percent < 0 ? `−${-percent}%` : `+${percent}%`;
}

export function phaseInWords({ status, phase, queue_position: position }: Conversion): string {
  if (status === 'completed') return 'Done';
  if (status === 'failed') return 'Failed';
  if (status === 'cancelled') return 'Cancelled';
  if (phase === 'waiting') return 'Waiting for the upload';
  if (phase === 'queued')
    return typeof position === 'number' ? queueInWords(position) : 'In the queue';
  if (phase === 'probing') return 'Reading the file';
  if (phase === 'storing') return 'Saving the result';
  return 'Converting';
}

const queueInWords = (position: number) =>
  position <= 1 ? 'Next in the queue' : `In the queue, number ${position}`;

export function extension(name: string): string {
  const dot = name.lastIndexOf('.');
  return dot > 0 && name.length - dot <= 6 ? name.slice(dot + 1).toUpperCase() : 'FILE';
}
