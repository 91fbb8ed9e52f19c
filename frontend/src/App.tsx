import { useCallback } from 'react';
import { DropZone } from './features/upload/DropZone';
import { FileRow } from './components/FileRow';
import { Header } from './components/Header';
import { LiveRegion } from './components/LiveRegion';
import { Toolbar } from './components/DraftToolbar';
import type { Session } from './appController';
import { conversionsOf } from './state/reducer';
import { useStore } from './state/store';

export function App({ session }: { session: Session }) {
  const state = useStore(session.store);
  const add = useCallback((files: File[]) => session.add(files), [session]);
  const ready = state.boot === 'ready';
  const empty = state.rows.length === 0;
  const drafts = state.rows.filter((row) => row.stage === 'draft').length;

  return (
    <>
      <Header connection={state.connection} ready={ready} />
      <main className="page">
        <div className={empty ? 'intro' : 'hidden'}>
          <h1>Any sound in. The format you need out.</h1>
          <p>
            Drop music, recordings or videos. Watch every chunk arrive and every second convert,
            then take the result with you.
          </p>
        </div>
        {state.boot === 'unreachable' && (
          <p className="notice" role="status">
            TinyPixo cannot be reached at the moment. This page keeps trying; there is nothing you
            need to do.
          </p>
        )}
        <DropZone onFiles={add} slim={!empty} disabled={!ready} />
        {drafts > 1 && <Toolbar rows={state.rows} formats={state.formats} session={session} />}
        <ul className="rows" aria-label="Your files">
          {state.rows.map((row) => (
            <FileRow
              key={row.key}
              row={row}
              conversions={conversionsOf(state, row)}
              alone={drafts < 2}
              offline={state.connection === 'offline'}
              troubles={state.troubles}
              formats={state.formats}
              session={session}
            />
          ))}
        </ul>
        {empty && ready && (
          <ul className="promises" aria-label="How TinyPixo works">
            <li>
              <strong>Nothing gets lost.</strong> Close the tab, lose the network, come back: it
              goes on where it was.
            </li>
            <li>
              <strong>Nothing is hidden.</strong> Chunks, speed, place in the queue and time left,
              as they happen.
            </li>
            <li>
              <strong>Nothing lingers.</strong> Each file says until when it is kept. You can delete
              it at any time.
            </li>
          </ul>
        )}
      </main>
      <LiveRegion said={state.said} />
    </>
  );
}
