import { useEffect, useRef, useState, type ChangeEvent } from 'react';
import { droppedFiles } from './dataTransferFiles';
import { PICKER } from '../../lib/focus';
import { Add } from '../../components/Icons';

/** Extensions as well, because systems do not know the type of all of them. */
const ACCEPT =
  'audio/*,video/*,.flac,.opus,.m4a,.m4b,.aac,.ogg,.oga,.wma,.wv,.ape,.aiff,.aif,.caf,.amr,.mka,.mkv,.webm,.mp4,.mov';
const WAVE = [3, 6, 10, 16, 24, 14, 30, 40, 26, 44, 32, 20, 36, 24, 12, 28, 18, 10, 6, 3];

interface DropZoneProps {
  onFiles: (files: File[]) => void;
  slim: boolean;
  disabled: boolean;
}

export function DropZone({ onFiles, slim, disabled }: DropZoneProps) {
  const input = useRef<HTMLInputElement>(null);
  const over = useDropAnywhere(onFiles, disabled);
  const picked = (event: ChangeEvent<HTMLInputElement>) => {
    onFiles([...(event.target.files ?? [])]);
    event.target.value = ''; // the same file chosen once more is news again
  };
  return (
    <section
      className={`drop${slim ? ' drop--slim' : ''}${over ? ' drop--over' : ''}`}
      data-testid="drop-zone"
      aria-label="Add files"
      onClick={() => !disabled && input.current?.click()}
    >
      {!slim && (
        <svg className="wave" viewBox="0 0 200 48" aria-hidden="true" focusable="false">
          {WAVE.map((height, i) => (
            <rect
              key={i}
              x={i * 10 + 2}
              y={24 - height / 2}
              width="6"
              height={height}
              rx="3"
              className={i < WAVE.length / 2 ? 'logo__in' : 'logo__out'}
            />
          ))}
        </svg>
      )}
      <p className="drop__words">
        {over
          ? 'Let go to add them'
          : slim
            ? 'Drop more files anywhere'
            : 'Drop audio or video files here'}
      </p>
      <button
        type="button"
        id={PICKER}
        className={`button ${slim ? '' : 'button--main'}`}
        disabled={disabled}
        onClick={(event) => (event.stopPropagation(), input.current?.click())}
      >
        <Add />
        Choose files
      </button>
      <input
        ref={input}
        className="hidden"
        type="file"
        multiple
        accept={ACCEPT}
        data-testid="file-input"
        tabIndex={-1}
        aria-label="Choose audio or video files"
        disabled={disabled}
        onChange={picked}
        onClick={(event) => event.stopPropagation()}
      />
    </section>
  );
}

/** The whole window takes files: nobody has to aim, and a miss does not make the browser open the file. */
function useDropAnywhere(onFiles: (files: File[]) => void, disabled: boolean): boolean {
  const [over, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const drag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(!disabled);
    };
    const leave = (event: DragEvent) => event.relatedTarget === null && setOver(false);
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(false);
      if (!disabled)
        void droppedFiles(event.dataTransfer!).then((files) => files.length && onFiles(files));
    };
    const all = { dragenter: drag, dragover: drag, dragleave: leave, drop } as const;
    for (const [name, listener] of Object.entries(all))
      window.addEventListener(name, listener as EventListener);
    return () => {
      for (const [name, listener] of Object.entries(all))
        window.removeEventListener(name, listener as EventListener);
    };
  }, [onFiles, disabled]);
  return over;
}
