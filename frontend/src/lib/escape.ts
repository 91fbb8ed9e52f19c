import type { KeyboardEvent } from 'react';

/** Return a handler that closes what is open when Escape is pressed inside of it. */
export const onEscape = (close: () => void) => (event: KeyboardEvent<HTMLElement>) => {
  if (event.key !== 'Escape' || event.defaultPrevented) return;
  event.preventDefault();
  close();
};

/** Close what the focus is in when Escape is pressed: details, or a form that was opened. */
export function closeOnEscape({ key, target, defaultPrevented }: globalThis.KeyboardEvent): void {
  if (key !== 'Escape' || defaultPrevented) return;
  const opened = (target as Element | null)?.closest?.('details[open], form');
  if (opened?.matches('details')) {
    opened.removeAttribute('open');
    opened.querySelector('summary')?.focus();
  } else {
    opened?.querySelector<HTMLElement>('[data-closes-form]')?.click();
  }
}
