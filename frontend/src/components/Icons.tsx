import type { ReactNode } from 'react';

/**
 * Create an icon on a grid of 20 by 20, in the colour of the text.
 *
 * Icons are hidden from screen readers, because each control with an icon has a name as well.
 */
function icon(shape: ReactNode) {
  return function Icon() {
    return (
      <svg
        className="icon"
        viewBox="0 0 20 20"
        width="20"
        height="20"
        fill="none"
        stroke="currentColor"
        strokeWidth="1.75"
        strokeLinecap="round"
        strokeLinejoin="round"
        aria-hidden="true"
        focusable="false"
      >
        {shape}
      </svg>
    );
  };
}

export const Add = icon(<path d="M10 4v12M4 10h12" />);
export const Retry = icon(
  <>
    <path d="M4 8a6 6 0 0 1 10.5-2L16 7.5M16 4v3.5h-3.5" />
    <path d="M16 12a6 6 0 0 1-10.5 2L4 12.5M4 16v-3.5h3.5" />
  </>,
);
export const Close = icon(<path d="M5 5l10 10M15 5L5 15" />);
export const Compare = icon(<path d="M3 7h11M11 4l3 3-3 3M17 13H6M9 10l-3 3 3 3" />);
export const Download = icon(<path d="M10 3.5v9M6.5 9.5L10 13l3.5-3.5M4 16.5h12" />);
export const Moon = icon(<path d="M16 11.5A6.5 6.5 0 0 1 8.5 4a6.5 6.5 0 1 0 7.5 7.5z" />);
export const Pause = icon(<path d="M7 5v10M13 5v10" />);
export const Play = icon(<path d="M7 4.5v11l8.5-5.5z" />);
export const Share = icon(<path d="M10 12.5v-9M6.5 6.5L10 3l3.5 3.5M4.5 10v6.5h11V10" />);
export const Stop = icon(<path d="M5.5 5.5h9v9h-9z" />);
export const Sun = icon(
  <>
    <circle cx="10" cy="10" r="3.5" />
    <path d="M10 2v1.5M10 16.5V18M2 10h1.5M16.5 10H18" />
    <path d="M4.3 4.3l1.1 1.1M14.6 14.6l1.1 1.1M15.7 4.3l-1.1 1.1M5.4 14.6l-1.1 1.1" />
  </>,
);
export const Trash = icon(<path d="M4 6h12M8 6V4h4v2M5.5 6l.7 10h7.6l.7-10" />);
export const Warning = icon(<path d="M10 3.5l7 12.5H3zM10 8.5v3.5M10 14v.1" />);

/** Rows of the pixels that are filled, by column. */
const COLUMNS = [[2], [1, 2, 3], [0, 1, 2, 3, 4], [1, 2, 3], [2]];

/** Draw a waveform of pixels: the input is blue, the output is coral. */
export function Logo() {
  return (
    <svg
      className="logo"
      viewBox="0 0 28 28"
      width="28"
      height="28"
      aria-hidden="true"
      focusable="false"
    >
      {COLUMNS.flatMap((rows, x) =>
        rows.map((y) => (
          <rect
            key={`${x}-${y}`}
            className={x < 2 ? 'logo__input' : 'logo__output'}
            x={x * 5.7 + 0.6}
            y={y * 5.7 + 0.6}
            width="4.2"
            height="4.2"
            rx="1.2"
          />
        )),
      )}
    </svg>
  );
}
