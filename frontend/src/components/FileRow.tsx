import { memo, useState } from 'react';
import { useKeptFocus } from '../lib/focus';
import type { Session } from '../appController';
import type { Row, State } from '../state/reducer';
import type { Conversion } from '../api/types';
import { uploadView } from '../features/upload/uploadViewModel';
import { bytes, extension, keptUntil } from '../lib/formatting';
import { ChoiceForm } from '../features/conversion/ConversionForm';
import { ConversionCard } from '../features/conversion/ConversionCard';
import { ErrorMessage } from './ErrorMessage';
import { Add } from './Icons';
import { Rechoose } from '../features/upload/ReselectFile';
import { RowActions } from './FileActions';
import { UploadBar } from '../features/upload/UploadProgressBar';

interface FileRowProps {
  row: Row;
  conversions: Conversion[];
  /** The only new file: its button is the one to press. */
  alone: boolean;
  offline?: boolean;
  troubles: State['troubles'];
  formats: State['formats'];
  session: Session;
}

export const FileRow = memo(function FileRow({
  row,
  conversions,
  alone,
  offline,
  troubles,
  formats,
  session,
}: FileRowProps) {
  const { sending } = session;
  const view = uploadView(row, offline);
  const trouble = row.trouble ?? row.transfer?.error;
  const title = `title-${row.key}`;
  const focus = useKeptFocus();
  return (
    <li
      {...focus}
      className="row"
      data-testid="file-row"
      data-upload-id={row.upload?.id}
      data-stage={row.stage}
      aria-labelledby={title}
      aria-busy={row.busy}
    >
      <div className="row__head">
        <span className="tile" aria-hidden="true">
          {extension(row.name)}
        </span>
        <div className="row__title">
          <h2 id={title} title={row.name}>
            {row.name}
          </h2>
          <p className="muted">{about(row, conversions)}</p>
        </div>
        <RowActions row={row} session={session} />
      </div>
      {row.stage === 'draft' && (
        <ChoiceForm
          label={`How to convert ${row.name}`}
          formats={formats}
          choice={row.choice}
          onChoice={(choice) => sending.choose(row.key, choice)}
          onSubmit={() => sending.convert(row.key)}
        >
          <button
            type="submit"
            className={alone ? 'button button--main' : 'button'}
            data-testid="convert-button"
          >
            Convert
          </button>
        </ChoiceForm>
      )}
      {view && row.stage !== 'broken' && <UploadBar name={row.name} view={view} />}
      {trouble && <ErrorMessage>{trouble.detail}</ErrorMessage>}
      {row.stage === 'orphan' && (
        <Rechoose row={row} session={session} done={view?.done ?? 0} total={view?.total ?? 0} />
      )}
      {conversions.map((conversion) => (
        <ConversionCard
          key={conversion.id}
          row={row}
          conversion={conversion}
          trouble={troubles[conversion.id]}
          session={session}
        />
      ))}
      {row.stage === 'stored' && (
        <ConvertAgain
          row={row}
          formats={formats}
          session={session}
          first={conversions.length === 0}
        />
      )}
    </li>
  );
}, sameRow);

/** A row is drawn again only for its own news: a hundred others may be moving. */
function sameRow(a: FileRowProps, b: FileRowProps): boolean {
  const same =
    a.row === b.row &&
    a.alone === b.alone &&
    a.offline === b.offline &&
    a.troubles === b.troubles &&
    a.formats === b.formats;
  return (
    same &&
    a.conversions.length === b.conversions.length &&
    a.conversions.every((each, i) => each === b.conversions[i])
  );
}

function about(row: Row, conversions: Conversion[]): string {
  const size = bytes(row.size);
  if (row.stage === 'queued') return `${size} · waiting for its turn`;
  if (row.transfer?.phase === 'creating') return `${size} · preparing the upload`;
  if (
    row.stage === 'stored' &&
    row.upload &&
    !conversions.some((each) => each.status === 'completed')
  )
    return `${size} · kept until ${keptUntil(row.upload.expires_at)}`;
  return size;
}

function ConvertAgain({
  row,
  formats,
  session,
  first,
}: {
  row: Row;
  formats: State['formats'];
  session: Session;
  first: boolean;
}) {
  // Undefined until it was open once: only then the button is where the focus comes back to.
  const [open, setOpen] = useState<boolean>();
  const [choice, setChoice] = useState(row.choice);
  if (!open) {
    return (
      <button
        type="button"
        className="button button--quiet again"
        data-testid="again-button"
        autoFocus={open === false}
        onClick={() => setOpen(true)}
      >
        <Add />
        {first ? 'Convert this file' : 'Convert to another format'}
      </button>
    );
  }
  const submit = () =>
    void session.converting.again(row, choice).then((made) => made && setOpen(false));
  return (
    <ChoiceForm
      label={`Another format for ${row.name}`}
      formats={formats}
      choice={choice}
      onChoice={setChoice}
      onSubmit={submit}
      autoFocus
    >
      <button type="button" className="button button--quiet" onClick={() => setOpen(false)}>
        Not now
      </button>
      <button
        type="submit"
        className="button button--main"
        data-testid="convert-button"
        disabled={row.busy}
      >
        {row.busy ? 'Starting' : 'Convert'}
      </button>
    </ChoiceForm>
  );
}
