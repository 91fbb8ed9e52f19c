import type { KeyboardEvent } from 'react';

/** Return a handler that closes what is open when Escape is pressed inside of it. */
export const onEscape = (close: () => void) => (event: KeyboardEvent<HTMLElement>) => {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  event.preventDefault();
  close();
};
