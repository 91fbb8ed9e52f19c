import type { UploadView } from './uploadViewModel';

/** One bar of chunks: a segment fills while its chunk is on the line, and stays when the service has it. */
export function UploadBar({ name, view }: { name: string; view: UploadView }) {
  const { percent, segments, done, total, words, numbers } = view;
  const chunks = `${done} of ${total} ${total === 1 ? 'chunk' : 'chunks'}`;
  return (
    <div className={percent >= 100 && done === total ? 'leg leg--over' : 'leg'}>
      <p className="leg__words">
        <span className="leg__state">{words}</span>
        <span className="leg__numbers">
          <span data-testid="upload-chunks">{chunks}</span>
          {numbers.map((each, i) => (
            <span key={i}>{each}</span>
          ))}
        </span>
      </p>
      <div
        className="bar bar--in"
        role="progressbar"
        data-testid="upload-bar"
        aria-label={`Upload of ${name}`}
        aria-valuemin={0}
        aria-valuemax={100}
        aria-valuenow={percent}
        aria-valuetext={`${words}, ${percent}%, ${chunks}`}
      >
        {segments.map(({ share, done: has }, i) => (
          <span key={i} className="bar__segment" data-done={has}>
            <span className="bar__fill" style={{ transform: `scaleX(${share})` }} />
          </span>
        ))}
      </div>
    </div>
  );
}
