import { useCallback, useRef, type MouseEvent, type ReactNode } from 'react';
import { Play, Stop } from '../../components/Icons';
import { shownTime, spokenTime, waveformTexts } from '../../i18n/waveform';
import type { ConversionSettings } from '../conversion/conversionSettings';
import { Bars } from './Bars';
import { scaleOf } from './bars';
import {
  clamp,
  gainAt,
  lengthOf,
  limitsOf,
  selectionOf,
  withEdge,
  withoutCut,
  type Edge,
  type Selection,
} from './selection';
import { Slider, timeAt } from './Slider';
import { usePreview } from './usePreview';
import { useWaveform, useWidth } from './useWaveform';
import type { Waveform } from './waveform';
import './waveform.css';

const HEIGHT = 96;

export interface TrimmerProps {
  /** Undefined if this browser no longer has the file. */
  file: File | undefined;
  name: string;
  settings: ConversionSettings;
  onChange: (settings: ConversionSettings) => void;
}

/** Show the waveform of a file, and let the user drag what is converted of it. */
export function Trimmer({ file, ...props }: TrimmerProps) {
  const { duration, waveform, problem } = useWaveform(file);
  const texts = waveformTexts();
  if (!file) return <Note text={texts.gone} />;
  const isDrawing = !waveform && !problem;
  const note = problem === 'too-long' ? texts.tooLong : problem && texts.unreadable;
  return (
    <div className="trimmer" role="group" aria-label={texts.waveformOf(props.name)}>
      {duration ? (
        <Timeline {...props} file={file} duration={duration} waveform={waveform}>
          {isDrawing && <Note text={texts.drawing} />}
        </Timeline>
      ) : (
        isDrawing && (
          <div className="trimmer__frame">
            <div className="track">
              <Note text={texts.drawing} />
            </div>
          </div>
        )
      )}
      {note && <Note text={note} />}
    </div>
  );
}

function Note({ text }: { text: string }) {
  return (
    <p className="muted trimmer__note" role="status" data-testid="waveform-note">
      {text}
    </p>
  );
}

interface TimelineProps extends TrimmerProps {
  file: File;
  duration: number;
  waveform: Waveform | undefined;
  /** The content that is shown while there is no waveform. */
  children: ReactNode;
}

function Timeline(props: TimelineProps) {
  const { file, name, settings, onChange, duration, waveform, children } = props;
  const texts = waveformTexts();
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track);
  const selection = selectionOf(settings, duration);
  const { start, end, fadeIn, fadeOut } = selection;
  const gain = useCallback(
    (time: number) => gainAt({ duration, start, end, fadeIn, fadeOut }, time),
    [duration, start, end, fadeIn, fadeOut],
  );
  const preview = usePreview(file, selection);
  const percent = (time: number) => (time / duration) * 100;
  const cut: [number, number] = [percent(start), 100 - percent(end)];
  const drawing = { width, height: HEIGHT, from: 0, to: duration, scale: scaleOf(waveform) };
  const isWhole = start === 0 && end === duration && !fadeIn && !fadeOut;

  const slider = (edge: Edge, className: string, value: number, time: number) => (
    <Slider
      className={className}
      testId={`slider-${edge}`}
      name={texts.sliders[edge](name)}
      text={edge.startsWith('fade') && !value ? texts.noFade : spokenTime(value)}
      value={value}
      limits={limitsOf(selection, edge)}
      percent={percent(time)}
      span={duration}
      isReversed={edge === 'fadeOut'}
      onChange={(next) => onChange(withEdge(settings, duration, edge, next))}
    />
  );
  const seekToPointer = (event: MouseEvent) =>
    preview.seek(clamp(timeAt(event, track.current!, duration), start, end));

  return (
    <>
      <div className="trimmer__frame" onClick={seekToPointer}>
        <div className="track" ref={track} data-testid="track">
          {children}
          {waveform && <Bars className="bars--left-out" waveform={waveform} {...drawing} />}
          {waveform && (
            <Bars
              className="bars--source"
              waveform={waveform}
              cut={cut}
              gainAt={gain}
              {...drawing}
            />
          )}
          <div className="selection" style={{ left: `${cut[0]}%`, right: `${cut[1]}%` }} />
          <Fades selection={selection} width={width} />
          {slider('start', 'grip grip--start', start, start)}
          {slider('end', 'grip grip--end', end, end)}
          {slider('fadeIn', 'knob', fadeIn, start + fadeIn)}
          {slider('fadeOut', 'knob', fadeOut, end - fadeOut)}
          {!preview.isUnplayable && (
            <Slider
              className="playhead"
              testId="slider-position"
              name={texts.sliders.position(name)}
              text={spokenTime(preview.position)}
              value={preview.position}
              limits={[start, end]}
              percent={percent(preview.position)}
              span={duration}
              onChange={preview.seek}
            />
          )}
        </div>
      </div>
      <p className="trimmer__times">
        <span>{shownTime(start)}</span>
        <span className="muted">
          {texts.selected(shownTime(lengthOf(selection)), shownTime(duration))}
        </span>
        <span>{shownTime(end)}</span>
      </p>
      <div className="trimmer__buttons">
        <audio {...preview.element} />
        {!preview.isUnplayable && (
          <button
            type="button"
            className="button"
            data-testid="play-selection"
            aria-label={preview.isPlaying ? texts.stopOf(name) : texts.playSelectionOf(name)}
            onClick={preview.toggle}
          >
            {preview.isPlaying ? <Stop /> : <Play />}
            {preview.isPlaying ? texts.stop : texts.playSelection}
          </button>
        )}
        <button
          type="button"
          className="button button--quiet"
          aria-label={texts.wholeFileOf(name)}
          disabled={isWhole}
          onClick={() => onChange(withoutCut(settings))}
        >
          {texts.wholeFile}
        </button>
      </div>
    </>
  );
}

/** Draw the fades as slopes. */
function Fades({ selection, width }: { selection: Selection; width: number }) {
  const { duration, start, end, fadeIn, fadeOut } = selection;
  const x = (time: number) => ((time / duration) * width).toFixed(1);
  const slopes = [
    fadeIn && `M${x(start)} ${HEIGHT}L${x(start + fadeIn)} 0`,
    fadeOut && `M${x(end - fadeOut)} 0L${x(end)} ${HEIGHT}`,
  ];
  return (
    <svg
      className="bars fades"
      viewBox={`0 0 ${Math.max(1, width)} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
      focusable="false"
    >
      <path d={slopes.filter(Boolean).join('')} />
    </svg>
  );
}
