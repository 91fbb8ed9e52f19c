import { useRef, type ChangeEvent } from 'react';
import { Add } from '../../components/Icons';
import { FILE_PICKER_ID } from '../../lib/focus';
import { useFileDrop } from './useFileDrop';
import { t } from '../../i18n';

/** File extensions are listed as well, because no system knows the media type of all of them. */
const ACCEPT = [
  'audio/*,video/*',
  '.flac,.opus,.m4a,.m4b,.aac,.ogg,.oga,.wma,.wv,.ape,.aiff,.aif,.caf,.amr',
  '.mka,.mkv,.webm,.mp4,.mov',
].join(',');
const WAVEFORM = [3, 6, 10, 16, 24, 14, 30, 40, 26, 44, 32, 20, 36, 24, 12, 28, 18, 10, 6, 3];

interface DropZoneProps {
  onFiles: (files: File[]) => void;
  /** True if the list has files. The drop zone then takes less space. */
  compact: boolean;
  disabled: boolean;
}

/** Let the user drop files, or choose them in a dialog. */
export function DropZone({ onFiles, compact, disabled }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const isDragging = useFileDrop(onFiles, disabled);
  const openDialog = () => input.current?.click();
  const handleChange = (event: ChangeEvent<HTMLInputElement>) => {
    onFiles([...(event.target.files ?? [])]);
    // Without this, choosing the same file once more would be no change.
    event.target.value = '';
  };
  const classNames = [
    'drop-zone',
    compact && 'drop-zone--compact',
    isDragging && 'drop-zone--active',
  ];
  return (
    <section
      className={classNames.filter(Boolean).join(' ')}
      data-testid="drop-zone"
      aria-label={t.addFiles}
      onClick={() => !disabled && openDialog()}
    >
      {!compact && <Waveform />}
      <p className="drop-zone__text">
        <span className="with-mouse">{instruction(compact, isDragging)}</span>
        <span className="with-touch">{compact ? t.tapMore : t.tapHere}</span>
      </p>
      <button
        type="button"
        id={FILE_PICKER_ID}
        className={compact ? 'button' : 'button button--primary'}
        disabled={disabled}
        onClick={(event) => {
          event.stopPropagation();
          openDialog();
        }}
      >
        <Add />
        {t.chooseFiles}
      </button>
      <input
        ref={input}
        hidden
        type="file"
        multiple
        accept={ACCEPT}
        data-testid="file-input"
        disabled={disabled}
        onChange={handleChange}
        onClick={(event) => event.stopPropagation()}
      />
    </section>
  );
}

function instruction(compact: boolean, isDragging: boolean): string {
  if (isDragging) return t.release;
  return compact ? t.dropMore : t.dropHere;
}

function Waveform() {
  return (
    <svg className="waveform" viewBox="0 0 200 48" aria-hidden="true" focusable="false">
      {WAVEFORM.map((height, i) => (
        <rect
          key={i}
          x={i * 10 + 2}
          y={24 - height / 2}
          width="6"
          height={height}
          rx="3"
          className={i < WAVEFORM.length / 2 ? 'logo__input' : 'logo__output'}
        />
      ))}
    </svg>
  );
}
