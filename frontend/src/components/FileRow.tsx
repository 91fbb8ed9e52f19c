import { memo, type ReactNode } from 'react';
import { describeProblem, ownProblem } from '../api/errors';
import type { Conversion } from '../api/types';
import type { AppController } from '../appController';
import { ConversionCard } from '../features/conversion/ConversionCard';
import { ConversionForm } from '../features/conversion/ConversionForm';
import { PresetSelect } from '../features/conversion/PresetSelect';
import { withPreset } from '../features/conversion/presets';
import { UploadProgressBar } from '../features/upload/UploadProgressBar';
import { uploadStatus, uploadViewModel } from '../features/upload/uploadViewModel';
import { useDuration } from '../lib/duration';
import { useFocusFallback } from '../lib/focus';
import { fileExtension, formatBytes } from '../lib/formatting';
import { useModule } from '../lib/useModule';
import type { Row, State } from '../state/state';
import { ConvertAgain } from './ConvertAgain';
import { ErrorMessage } from './ErrorMessage';
import { Expiry } from './Expiry';
import { FileActions } from './FileActions';
import { t, type Language } from '../i18n';

interface FileRowProps {
  row: Row;
  conversions: Conversion[];
  conversionProblems: State['conversionProblems'];
  formats: State['formats'];
  /** True if no other draft waits, so that its button is the main one of the page. */
  isOnlyDraft: boolean;
  isOffline?: boolean;
  /** Not used here, but a row is rendered again when it changes. */
  language: Language;
  controller: AppController;
}

/** Show one file of the list: its upload, its conversions and all buttons. */
export const FileRow = memo(function FileRow(props: FileRowProps) {
  const { row, conversions, conversionProblems, formats, isOffline, controller } = props;
  const view = uploadViewModel(row, isOffline);
  const problem = row.problem ?? row.transfer?.error;
  const titleId = `title-${row.key}`;
  const focusFallback = useFocusFallback();
  const isInterrupted = row.stage === 'interrupted';
  const reselect = useModule(isInterrupted, () => import('../features/upload/ReselectFile'));
  return (
    <li
      {...focusFallback}
      className="file-row"
      data-testid="file-row"
      data-upload-id={row.upload?.id}
      data-stage={row.stage}
      aria-labelledby={titleId}
      aria-busy={row.isBusy}
    >
      <div className="file-row__header">
        <span className="file-type" aria-hidden="true">
          {fileExtension(row.name)}
        </span>
        <div className="file-row__title">
          <h2 id={titleId} title={row.name}>
            {row.name}
          </h2>
          <p className="muted">{subtitle(row, conversions, isOffline)}</p>
        </div>
        <FileActions row={row} controller={controller} />
      </div>
      {row.stage === 'draft' && !row.isStarted && <DraftForm {...props} />}
      {view && row.stage !== 'failed' && <UploadProgressBar name={row.name} view={view} />}
      {problem && <ErrorMessage {...describeProblem(problem)} />}
      {isInterrupted && reselect === null && (
        <ErrorMessage {...describeProblem(ownProblem('network'))} />
      )}
      {isInterrupted && reselect && (
        <reselect.ReselectFile
          row={row}
          completedParts={view?.completedParts ?? 0}
          partCount={view?.partCount ?? 0}
          controller={controller}
        />
      )}
      {conversions.map((conversion) => (
        <ConversionCard
          key={conversion.id}
          row={row}
          conversion={conversion}
          problem={conversionProblems[conversion.id]}
          controller={controller}
        />
      ))}
      {row.stage === 'uploaded' && !conversions.some(hasNoSound) && (
        <ConvertAgain
          row={row}
          formats={formats}
          isFirst={conversions.length === 0}
          source={conversions.find(({ source }) => source)?.source}
          controller={controller}
        />
      )}
    </li>
  );
}, hasSameContent);

/** Return true if a row need not be rendered again. Other rows may change many times a second. */
function hasSameContent(before: FileRowProps, after: FileRowProps): boolean {
  return (
    before.row === after.row &&
    before.isOnlyDraft === after.isOnlyDraft &&
    before.isOffline === after.isOffline &&
    before.language === after.language &&
    before.conversionProblems === after.conversionProblems &&
    before.formats === after.formats &&
    before.conversions.length === after.conversions.length &&
    before.conversions.every((conversion, i) => conversion === after.conversions[i])
  );
}

/** Return true if no conversion can succeed. With a reason, another track may. */
const hasNoSound = ({ error }: Conversion) =>
  error?.code === 'not_audio' || (error?.code === 'no_audio_stream' && !error.reason);

function subtitle(row: Row, conversions: Conversion[], isOffline?: boolean): ReactNode {
  const folder = row.path?.slice(0, row.path.lastIndexOf('/'));
  const size = (folder ? `${folder} · ` : '') + formatBytes(row.size);
  if (row.unsaved === 'copying') return `${size} · ${t.saving}`;
  if (row.unsaved === 'not-storable') return `${size} · ${t.onlyInThisTab}`;
  if (row.stage === 'draft' && row.isStarted) return `${size} · ${t.starting}`;
  if (row.stage === 'queued' || row.transfer?.phase === 'creating') {
    const status = uploadStatus(row, isOffline);
    return `${size} · ${status[0]!.toLowerCase()}${status.slice(1)}`;
  }
  // A completed conversion shows the same time at its result.
  const hasResult = conversions.some(({ status }) => status === 'completed');
  if (row.stage === 'uploaded' && row.upload && !hasResult) {
    return (
      <>
        {size} · {t.keptUntilInline} <Expiry time={row.upload.expires_at} />
      </>
    );
  }
  return size;
}

function DraftForm({ row, formats, isOnlyDraft, controller }: FileRowProps) {
  const change = (settings: Row['settings']) =>
    controller.uploadManager.setSettings(row.key, settings);
  const { uploadManager } = controller;
  const file = controller.sourceFiles.get(row.key);
  const duration = useDuration(file);
  return (
    <>
      {isOnlyDraft && (
        <PresetSelect
          formats={formats}
          settings={row.settings}
          onChange={(preset) => change(withPreset(preset, row.settings))}
        />
      )}
      <ConversionForm
        label={t.howToConvert(row.name)}
        formats={formats}
        settings={row.settings}
        onChange={change}
        source={{ duration }}
        file={{ name: row.name, file }}
        onSubmit={() => uploadManager.start(row.key)}
      >
        <button
          type="submit"
          className={isOnlyDraft ? 'button button--primary' : 'button'}
          data-testid="convert-button"
        >
          {row.isBusy ? t.starting : t.convert}
        </button>
      </ConversionForm>
    </>
  );
}
