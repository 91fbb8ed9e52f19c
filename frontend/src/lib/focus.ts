import { useLayoutEffect, useRef, type FocusEvent } from 'react';

/** Id of the "Choose files" button, which is always on the page. */
export const FILE_PICKER_ID = 'choose-files';

const isFocusLost = () =>
  document.activeElement === null || document.activeElement === document.body;

/** Id of the list of files. */
export const FILE_LIST_ID = 'files';

/**
 * Move the focus to the list of files if a control outside of it had it and is removed, or to the
 * file picker if the list is empty.
 */
export function useFocusListWhenRemoved(): void {
  useLayoutEffect(
    () => () => {
      setTimeout(() => {
        if (!isFocusLost()) return;
        const list = document.getElementById(FILE_LIST_ID);
        const target = list?.firstChild ? list : document.getElementById(FILE_PICKER_ID);
        // Scrolling to a long list would move what is above it out of the window.
        target?.focus({ preventScroll: true });
      });
    },
    [],
  );
}

/**
 * Return a function that moves the focus to the next row, if the row of a control was removed.
 *
 * After the last row it goes to the row before, and from an empty list to the file picker. Without
 * this, a keyboard user would start again at the top of the page.
 */
export function focusAfterRemoval(control: HTMLElement): () => void {
  const row = control.closest('li');
  const neighbour = row?.nextElementSibling ?? row?.previousElementSibling;
  return () => {
    if (!isFocusLost()) return;
    const target = neighbour?.isConnected ? neighbour : document.getElementById(FILE_PICKER_ID);
    (target as HTMLElement | null)?.focus();
  };
}

/** Focus a control that was just shown. A ref, because Preact leaves `autoFocus` to the browser. */
export const focusWhenShown = (element: HTMLElement | null): void => element?.focus();

/** Return properties for an element that takes the focus when its focused control is removed. */
export function useFocusFallback() {
  const ref = useRef<HTMLLIElement>(null);
  const hadFocus = useRef(false);
  useLayoutEffect(() => {
    if (hadFocus.current && isFocusLost()) ref.current?.focus({ preventScroll: true });
  });
  return {
    ref,
    tabIndex: -1,
    onFocus: () => {
      hadFocus.current = true;
    },
    onBlur: (event: FocusEvent) => {
      // relatedTarget is null if the control was removed or the user clicked outside of all
      // controls. In both cases the focus still belongs to this element.
      if (event.relatedTarget) {
        hadFocus.current = ref.current?.contains(event.relatedTarget) ?? false;
      }
    },
  };
}
