/** Milestones for screen readers. Two regions in turn, because a repeated sentence in the same one is not read again. */
export function LiveRegion({ said }: { said: { text: string; n: number } }) {
  return (
    <div className="hidden">
      <p role="status" aria-live="polite">
        {said.n % 2 === 0 ? said.text : ''}
      </p>
      <p role="status" aria-live="polite">
        {said.n % 2 === 1 ? said.text : ''}
      </p>
    </div>
  );
}
