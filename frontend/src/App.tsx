import { useCallback, useEffect } from 'react';
import { describeProblem } from './api/errors';
import type { AppController } from './appController';
import { DraftToolbar } from './components/DraftToolbar';
import { ErrorMessage } from './components/ErrorMessage';
import { FileRow } from './components/FileRow';
import { Header } from './components/Header';
import { SetAside } from './components/SetAside';
import { ListToolbar } from './components/ListToolbar';
import { LiveRegion } from './components/LiveRegion';
import { DeleteEverything } from './features/removal/DeleteEverything';
import { UndoBar } from './features/removal/UndoBar';
import { DropZone } from './features/upload/DropZone';
import { EarlyUpload } from './features/upload/EarlyUpload';
import { draftsOf, selectConversions, shownRows } from './state/reducer';
import { FILE_LIST_ID } from './lib/focus';
import { describeLimits } from './lib/formatting';
import { useStore } from './state/store';
import { pageTitle, totalsOf } from './state/totals';
import { t } from './i18n';

/**
 * Longest list whose finished files are shown in full. In a longer one they take a single line.
 */
const MAX_FULL_ROWS = 8;

export function App({ controller }: { controller: AppController }) {
  const state = useStore(controller.store);
  const addFiles = useCallback((files: File[]) => controller.addFiles(files), [controller]);
  const { formats, connection, setAside } = state;
  const rows = shownRows(state);
  const dismiss = () => controller.store.dispatch({ type: 'files-set-aside', names: [] });
  const title = pageTitle(totalsOf(state));
  useEffect(() => {
    document.title = rows.length ? title : t.pageTitle;
  }, [title, rows.length]);
  const isReady = state.startup === 'ready';
  const isEmpty = rows.length === 0;
  const drafts = draftsOf(state);

  return (
    <>
      <Header connection={connection} isReady={isReady} controller={controller} />
      <main className="page">
        <div className={isEmpty ? 'intro' : 'visually-hidden'}>
          <h1>{t.headline}</h1>
          <p>{t.intro}</p>
        </div>
        {state.startup === 'unreachable' && (
          <p className="notice" role="status">
            {t.unreachable}
          </p>
        )}
        <DropZone onFiles={addFiles} compact={!isEmpty} disabled={!isReady} />
        <div className="drop-notes">
          <EarlyUpload controller={controller} />
          {state.limits && <p>{describeLimits(state.limits)}</p>}
        </div>
        {setAside.length > 0 && <SetAside names={setAside} onDismiss={dismiss} />}
        {drafts.length > 1 && (
          <DraftToolbar drafts={drafts} formats={formats} controller={controller} />
        )}
        {(rows.length > 1 || state.packing) && (
          <ListToolbar state={state} controller={controller} />
        )}
        {state.listProblem && <ErrorMessage {...describeProblem(state.listProblem)} />}
        <ul
          className={rows.length > MAX_FULL_ROWS ? 'file-list file-list--compact' : 'file-list'}
          id={FILE_LIST_ID}
          tabIndex={-1}
          aria-label={t.yourFiles}
        >
          {rows.map((row) => (
            <FileRow
              key={row.key}
              row={row}
              conversions={selectConversions(state, row)}
              conversionProblems={state.conversionProblems}
              formats={formats}
              language={state.language}
              isOnlyDraft={drafts.length < 2}
              isOffline={connection === 'offline'}
              controller={controller}
            />
          ))}
        </ul>
        {isEmpty && isReady && <Features />}
        {!isEmpty && <DeleteEverything controller={controller} />}
      </main>
      <UndoBar state={state} controller={controller} />
      <LiveRegion announcement={state.announcement} />
    </>
  );
}

function Features() {
  return (
    <ul className="features" aria-label={t.howItWorks}>
      {t.features.map(([title, text]) => (
        <li key={title}>
          <strong>{title}</strong> {text}
        </li>
      ))}
    </ul>
  );
}
