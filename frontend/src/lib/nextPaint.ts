/** Time after which a paint is not waited for: a tab in the background paints nothing. */
const MAX_WAIT_MS = 200;

/** Resolve when what is in the document was painted, so that a long task does not delay it. */
export const nextPaint = (): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, MAX_WAIT_MS);
    requestAnimationFrame(() => setTimeout(resolve));
  });
