import { useRef, type ChangeEvent } from 'react';
import type { Session } from '../../appController';
import type { Row } from '../../state/reducer';
import { ErrorMessage } from '../../components/ErrorMessage';

/** The upload is begun, but this browser does not hold the bytes (any more): only the person can bring them. */
export function Rechoose({
  row,
  session,
  done,
  total,
}: {
  row: Row;
  session: Session;
  done: number;
  total: number;
}) {
  const input = useRef<HTMLInputElement>(null);
  const picked = (event: ChangeEvent<HTMLInputElement>) => {
    const file = event.target.files?.[0];
    event.target.value = '';
    if (file) void session.resuming.offer(row.key, file);
  };
  return (
    <div className="rechoose">
      {row.otherFile && (
        <ErrorMessage>{`“${row.otherFile}” is another file, or it has changed since: its chunks would not fit to those that have arrived.`}</ErrorMessage>
      )}
      <p>
        Choose the same file again to continue from chunk {Math.min(done + 1, total)} of {total}.
      </p>
      <div className="actions">
        <button
          type="button"
          className="button button--main"
          data-testid="rechoose-button"
          onClick={() => input.current?.click()}
        >
          Choose the file again
        </button>
        {row.otherFile && (
          <button
            type="button"
            className="button"
            data-testid="anew-button"
            onClick={() => void session.startAnew(row)}
          >
            Start anew with the other file
          </button>
        )}
      </div>
      <input
        ref={input}
        className="hidden"
        type="file"
        data-testid="rechoose-input"
        tabIndex={-1}
        aria-label={`Choose ${row.name} again`}
        onChange={picked}
      />
    </div>
  );
}
