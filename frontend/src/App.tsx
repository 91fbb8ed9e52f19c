import { useCallback, useEffect } from 'react';
import type { AppController } from './appController';
import { DraftToolbar } from './components/DraftToolbar';
import { ErrorMessage } from './components/ErrorMessage';
import { FileRow } from './components/FileRow';
import { Header } from './components/Header';
import { SetAside } from './components/SetAside';
import { ListToolbar } from './components/ListToolbar';
import { LiveRegion } from './components/LiveRegion';
import { DropZone } from './features/upload/DropZone';
import { selectConversions } from './state/reducer';
import { useStore } from './state/store';
import { pageTitle, totalsOf } from './state/totals';

/** Number of files from which finished ones are shown in little room. */
const COMPACT_FROM = 8;
const INITIAL_TITLE = document.title;

export function App({ controller }: { controller: AppController }) {
  const state = useStore(controller.store);
  const addFiles = useCallback((files: File[]) => controller.addFiles(files), [controller]);
  const { rows, formats, connection, setAside } = state;
  const dismiss = () => controller.store.dispatch({ type: 'files-set-aside', names: [] });
  const title = pageTitle(totalsOf(state));
  useEffect(() => {
    document.title = state.rows.length ? title : INITIAL_TITLE;
  }, [title, state.rows.length]);
  const isReady = state.startup === 'ready';
  const isEmpty = rows.length === 0;
  const drafts = rows.filter((row) => row.stage === 'draft');

  return (
    <>
      <Header connection={connection} isReady={isReady} />
      <main className="page">
        <div className={isEmpty ? 'intro' : 'visually-hidden'}>
          <h1>Convert audio to the format you need.</h1>
          <p>
            Drop music, recordings or videos. Watch each file upload and convert, then play or
            download the result.
          </p>
        </div>
        {state.startup === 'unreachable' && (
          <p className="notice" role="status">
            TinyPixo cannot be reached. This page keeps trying: you don’t need to do anything.
          </p>
        )}
        <DropZone onFiles={addFiles} compact={!isEmpty} disabled={!isReady} />
        {setAside.length > 0 && <SetAside names={setAside} onDismiss={dismiss} />}
        {drafts.length > 1 && (
          <DraftToolbar drafts={drafts} formats={formats} controller={controller} />
        )}
        {rows.length > 1 && <ListToolbar state={state} controller={controller} />}
        {state.listProblem && <ErrorMessage>{state.listProblem.detail}</ErrorMessage>}
        <ul
          className={rows.length > COMPACT_FROM ? 'file-list file-list--compact' : 'file-list'}
          aria-label="Your files"
        >
          {rows.map((row) => (
            <FileRow
              key={row.key}
              row={row}
              conversions={selectConversions(state, row)}
              conversionProblems={state.conversionProblems}
              formats={formats}
              isOnlyDraft={drafts.length < 2}
              isOffline={connection === 'offline'}
              controller={controller}
            />
          ))}
        </ul>
        {isEmpty && isReady && <Features />}
      </main>
      <LiveRegion announcement={state.announcement} />
    </>
  );
}

function Features() {
  return (
    <ul className="features" aria-label="How TinyPixo works">
      <li>
        <strong>Uploads resume.</strong> Close the tab or lose the network: the upload continues
        when you come back.
      </li>
      <li>
        <strong>You see every step.</strong> Chunks, speed, place in the queue and time left, as
        they happen.
      </li>
      <li>
        <strong>Files expire.</strong> Each file shows how long it is kept. You can delete it at any
        time.
      </li>
    </ul>
  );
}
