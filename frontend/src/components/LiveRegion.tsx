import type { State } from '../state/state';

/**
 * Announce the start and the end of work to screen readers.
 *
 * There are two live regions, which take turns: a screen reader does not read a text again that
 * appears twice in the same one.
 */
export function LiveRegion({ announcement }: { announcement: State['announcement'] }) {
  const { text, sequence } = announcement;
  return (
    <div className="visually-hidden">
      <p role="status" aria-live="polite">
        {sequence % 2 === 0 ? text : ''}
      </p>
      <p role="status" aria-live="polite">
        {sequence % 2 === 1 ? text : ''}
      </p>
    </div>
  );
}
