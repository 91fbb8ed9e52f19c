import { useLayoutEffect, useRef, type FocusEvent } from 'react';

/** The button that is always there. */
export const PICKER = 'choose-files';

const isLost = () => document.activeElement === null || document.activeElement === document.body;

/** Buttons go when they have done their work, and the focus with them; who works by keyboard must not start anew. */
export function focusPicker(): void {
  if (isLost()) document.getElementById(PICKER)?.focus({ preventScroll: true });
}

/** Properties for an element that takes the focus itself when the focused control in it is drawn no more. */
export function useKeptFocus() {
  const ref = useRef<HTMLLIElement>(null);
  const within = useRef(false);
  useLayoutEffect(() => {
    if (within.current && isLost()) ref.current?.focus({ preventScroll: true });
  });
  return {
    ref,
    tabIndex: -1,
    onFocus: () => {
      within.current = true;
    },
    onBlur: (event: FocusEvent) => {
      // No target: the control was removed, or the person clicked beside everything; then nothing is lost either.
      if (event.relatedTarget) within.current = ref.current?.contains(event.relatedTarget) ?? false;
    },
  };
}
