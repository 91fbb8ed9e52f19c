import { useMemo } from 'react';
import { barsPath, type BarOptions } from './bars';
import type { Waveform } from './waveform';

interface BarsProps extends BarOptions {
  className: string;
  waveform: Waveform;
  /** The shares of the width, in percent, that are cut off at the left and at the right side. */
  cut?: [left: number, right: number];
}

/** Draw a waveform: its peaks, and over them its levels. Colours come from the style sheet. */
export function Bars({ className, waveform, cut, ...options }: BarsProps) {
  const { from, to, width, height, scale, gainAt } = options;
  const [peaks, levels] = useMemo(
    () => [waveform.peaks, waveform.levels].map((each) => barsPath(waveform, each, options)),
    [waveform, from, to, width, height, scale, gainAt],
  );
  return (
    <svg
      className={`bars ${className}`}
      viewBox={`0 0 ${Math.max(1, width)} ${height}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
      style={cut && { clipPath: `inset(0 ${cut[1]}% 0 ${cut[0]}%)` }}
    >
      <path className="bars__peaks" d={peaks} />
      <path className="bars__levels" d={levels} />
    </svg>
  );
}
