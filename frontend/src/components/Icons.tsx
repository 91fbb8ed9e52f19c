import type { ReactNode } from 'react';

/**
 * Create an icon on a grid of 20 by 20, in the colour of the text.
 *
 * Icons are hidden from screen readers, because each control with an icon has a name as well.
 */
function icon(path: ReactNode) {
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
        {path}
      </svg>
    );
  };
}

export const Add = icon(<path d="M10 4v12M4 10h12" />);
export const Retry = icon(
  <path d="M4 8a6 6 0 0 1 10.5-2L16 7.5M16 4v3.5h-3.5M16 12a6 6 0 0 1-10.5 2L4 12.500M4 16v-3.500h3.500" />,
);
export const Close = icon(<path d="M5 5l10 10M15 5L5 15" />);
export const Download = icon(<path d="M10 3.500v9M6.500 9.500L10 13l3.500-3.500M4 16.500h12" />);
export const Moon = icon(
  <path d="M16 11.500A6.500 6.500 0 0 1 8.500 4a6.500 6.500 0 1 0 7.500 7.500z" />,
);
export const Pause = icon(<path d="M7 5v10M13 5v10" />);
export const Play = icon(<path d="M7 4.500v11l8.500-5.500z" />);
export const Sun = icon(
  <path d="M10 6.500a3.500 3.500 0 1 0 0 7 3.500 3.500 0 0 0 0-7zM10 2v1.500M10 16.500V18M2 10h1.500M16.500 10H18M4.300 4.300l1.100 1.100M14.600 14.600l1.100 1.100M15.700 4.300l-1.100 1.100M5.400 14.600l-1.100 1.100" />,
);
export const Trash = icon(<path d="M4 6h12M8 6V4h4v2M5.500 6l.7 10h7.600l.7-10" />);
export const Warning = icon(<path d="M10 3.500l7 12.500H3zM10 8.500v3.500M10 14v.1" />);

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
            width="4.200"
            height="4.200"
            rx="1.200"
          />
        )),
      )}
    </svg>
  );
}
