import {
  useRef,
  type KeyboardEvent,
  type MouseEvent,
  type PointerEvent,
  type ReactNode,
} from 'react';
import { clamp } from './selection';

const STEP = 0.1;
const LARGE_STEP = 1;
const PAGE_STEP = 10;

/** Return the time at which a click points, on a track that shows `span` seconds. */
export function timeAt({ clientX }: MouseEvent, track: HTMLElement, span: number): number {
  const { left, width } = track.getBoundingClientRect();
  return ((clientX - left) / width) * span;
}

interface SliderProps {
  className: string;
  testId: string;
  name: string;
  /** The value in words. */
  text: string;
  value: number;
  limits: [min: number, max: number];
  /** Position of the handle in its track, in percent from the left. */
  percent: number;
  /** Seconds of the width of the track. */
  span: number;
  /** True if the value grows to the left. */
  isReversed?: boolean;
  onChange: (value: number) => void;
  children?: ReactNode;
}

/** A handle on a waveform, for mouse, touch and keyboard. Its parent is the track. */
export function Slider(props: SliderProps) {
  const { className, testId, name, text, value, limits, percent, span, onChange } = props;
  const [min, max] = limits;
  const sign = props.isReversed ? -1 : 1;
  const drag = useRef<{ x: number; value: number; width: number }>(undefined);
  const change = (next: number) => onChange(clamp(next, min, max));

  const handleKey = (event: KeyboardEvent<HTMLElement>) => {
    const step = event.shiftKey ? LARGE_STEP : STEP;
    const targets: Record<string, number> = {
      ArrowRight: value + sign * step,
      ArrowLeft: value - sign * step,
      ArrowUp: value + step,
      ArrowDown: value - step,
      PageUp: value + PAGE_STEP,
      PageDown: value - PAGE_STEP,
      Home: min,
      End: max,
    };
    const target = targets[event.key];
    if (target === undefined) return;
    event.preventDefault();
    change(target);
  };
  const startDrag = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    event.stopPropagation();
    const { currentTarget, pointerId, clientX } = event;
    currentTarget.setPointerCapture(pointerId);
    drag.current = { x: clientX, value, width: currentTarget.parentElement!.clientWidth };
  };
  const move = ({ clientX }: PointerEvent<HTMLElement>) => {
    if (!drag.current) return;
    const { x, value: before, width } = drag.current;
    change(before + (sign * (clientX - x) * span) / Math.max(1, width));
  };
  const endDrag = () => (drag.current = undefined);

  return (
    <div
      className={className}
      data-testid={testId}
      role="slider"
      tabIndex={0}
      aria-label={name}
      title={name}
      aria-orientation="horizontal"
      aria-valuemin={Math.round(min * 100) / 100}
      aria-valuemax={Math.round(max * 100) / 100}
      aria-valuenow={Math.round(value * 100) / 100}
      aria-valuetext={text}
      style={{ left: `${percent}%` }}
      onKeyDown={handleKey}
      onPointerDown={startDrag}
      onPointerMove={move}
      onPointerUp={endDrag}
      onPointerCancel={endDrag}
      onClick={(event) => event.stopPropagation()}
    >
      {props.children}
    </div>
  );
}
