import { useId, useRef, useState, type MouseEvent, type ReactNode } from 'react';
import { describeProblem } from '../../api/errors';
import { downloadUrl } from '../../api/client';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { ErrorMessage } from '../../components/ErrorMessage';
import { Play, Stop } from '../../components/Icons';
import { decimal } from '../../i18n';
import { shownTime, spokenTime, waveformTexts } from '../../i18n/waveform';
import { fileExtension } from '../../lib/formatting';
import type { Row } from '../../state/state';
import { formatName } from '../conversion/conversionSettings';
import { Bars } from './Bars';
import { scaleOf } from './bars';
import { clamp } from './selection';
import { Slider, timeAt } from './Slider';
import type { Side } from './syncedPlayers';
import { useComparison } from './useComparison';
import { useResultFile } from './useResultFile';
import { useObjectUrl, useWaveform, useWidth, type LoadedSound } from './useWaveform';
import { loudnessOf } from './waveform';
import './waveform.css';

const LANE_HEIGHT = 64;

interface ComparisonProps {
  row: Row;
  conversion: Conversion;
  controller: AppController;
}

/** Show the waveforms of a source and its result, and play either of them at the same position. */
export function Comparison({ row, conversion, controller }: ComparisonProps) {
  const texts = waveformTexts();
  const { filename, duration } = conversion.output!;
  const { start = 0 } = conversion.options;
  const source = controller.sourceFiles.get(row.key);
  const result = useResultFile(controller, conversion);
  const sounds = { source: useWaveform(source), result: useWaveform(result.file) };
  const resultUrl = useObjectUrl(result.file);
  const urls = {
    source: useObjectUrl(source),
    result: result.isTooLong ? downloadUrl(conversion.id, true) : resultUrl,
  };
  const [broken, setBroken] = useState({ source: false, result: false });
  const handleError = (each: Side) => {
    // The service may know why. The reason is shown at the conversion.
    if (each === 'result' && result.isTooLong) {
      void controller.conversionManager.explainPlayerError(conversion.id);
    }
    setBroken((before) => ({ ...before, [each]: true }));
  };
  const isOtherTrack = hasOtherTrack(conversion);
  const playable = {
    source: Boolean(urls.source) && !broken.source && !isOtherTrack,
    result: Boolean(urls.result) && !broken.result,
  };
  const comparison = useComparison(playable, start, duration);
  const { refs, side, time, isPlaying, seek, toggle, hear } = comparison;
  const timeRanges = { source: [start, start + duration], result: [0, duration] } as const;
  const isOnlyPlayed =
    (result.isTooLong && playable.result) ||
    Object.values(sounds).some(({ problem }) => problem === 'too-long');
  const notes = [
    sourceNote(Boolean(source), isOtherTrack, broken.source),
    broken.result && !result.isTooLong && texts.resultUnplayable,
    !result.problem && !urls.result && texts.loadingResult,
    isOnlyPlayed && texts.onlyPlayed,
  ].filter((note): note is string => Boolean(note));

  return (
    <div
      className="comparison"
      role="group"
      aria-label={texts.compareOf(filename)}
      data-testid="comparison"
    >
      {(['source', 'result'] as const).map((each) => (
        <audio
          key={each}
          ref={refs[each]}
          src={urls[each]}
          hidden
          preload="auto"
          data-side={each}
          onError={() => handleError(each)}
        />
      ))}
      <Sides
        conversion={conversion}
        row={row}
        sounds={sounds}
        playable={playable}
        timeRanges={timeRanges}
        side={side}
        onChange={hear}
      />
      <Lanes
        {...{ sounds, timeRanges, side, duration }}
        isSourceShown={playable.source}
        onSeek={seek}
      >
        {(playable.source || playable.result) && (
          <Slider
            className="playhead"
            testId="slider-position"
            name={texts.sliders.position(filename)}
            text={spokenTime(time)}
            value={time}
            limits={[0, duration]}
            percent={(time / duration) * 100}
            span={duration}
            onChange={seek}
          />
        )}
      </Lanes>
      <div className="trimmer__buttons">
        <button
          type="button"
          className="button"
          data-testid="play-comparison"
          aria-label={isPlaying ? texts.stopOf(filename) : texts.playOf(filename)}
          disabled={!playable.source && !playable.result}
          onClick={toggle}
        >
          {isPlaying ? <Stop /> : <Play />}
          {isPlaying ? texts.stop : texts.play}
        </button>
        <span className="muted comparison__time">
          {texts.time(shownTime(time), shownTime(duration))}
        </span>
      </div>
      {result.problem && <ErrorMessage {...describeProblem(result.problem)} />}
      {notes.map((note) => (
        <p key={note} className="muted trimmer__note" role="status" data-testid="waveform-note">
          {note}
        </p>
      ))}
    </div>
  );
}

/** Return true if another track was converted than the one that browsers play. */
function hasOtherTrack({ options, source }: Conversion): boolean {
  const standard = source?.tracks?.find((track) => track.default)?.index ?? 0;
  return (options.track ?? standard) !== standard;
}

function sourceNote(isHere: boolean, isOtherTrack: boolean, isBroken: boolean): string | undefined {
  const texts = waveformTexts();
  if (!isHere) return texts.sourceGone;
  if (isOtherTrack) return texts.otherTrack;
  return isBroken ? texts.sourceUnplayable : undefined;
}

type TimeRanges = Record<Side, readonly [from: number, to: number]>;

interface SidesProps {
  row: Row;
  conversion: Conversion;
  sounds: Record<Side, LoadedSound>;
  playable: Record<Side, boolean>;
  timeRanges: TimeRanges;
  side: Side;
  onChange: (side: Side) => void;
}

/** Choose which of the two sounds is heard. */
function Sides({ row, conversion, sounds, playable, timeRanges, side, onChange }: SidesProps) {
  const texts = waveformTexts();
  const id = useId();
  const names = { source: texts.sourceSide, result: texts.resultSide };
  const formats = { source: fileExtension(row.name), result: formatName(conversion.format) };
  const loudness = ({ waveform }: LoadedSound, [from, to]: TimeRanges[Side]) => {
    const lufs = waveform && loudnessOf(waveform, from, to);
    return lufs !== undefined && `${decimal(lufs.toFixed(1)).replace('-', '−')} LUFS`;
  };
  return (
    <div className="sides" role="radiogroup" aria-label={texts.hear}>
      {(['source', 'result'] as const).map((each) => (
        <label key={each} className="side" data-side={each}>
          <input
            type="radio"
            name={id}
            data-testid={`hear-${each}`}
            checked={side === each}
            disabled={!playable[each]}
            onChange={() => onChange(each)}
          />
          <span>{names[each]}</span>
          <span className="muted">
            {[formats[each], loudness(sounds[each], timeRanges[each])].filter(Boolean).join(' · ')}
          </span>
        </label>
      ))}
    </div>
  );
}

interface LanesProps {
  sounds: Record<Side, LoadedSound>;
  timeRanges: TimeRanges;
  side: Side;
  duration: number;
  isSourceShown: boolean;
  onSeek: (time: number) => void;
  children: ReactNode;
}

/** Draw both waveforms on one axis of time. A click moves the position. */
function Lanes({
  sounds,
  timeRanges,
  side,
  duration,
  isSourceShown,
  onSeek,
  children,
}: LanesProps) {
  const track = useRef<HTMLDivElement>(null);
  const width = useWidth(track);
  const scale = scaleOf(sounds.source.waveform, sounds.result.waveform);
  const seekToPointer = (event: MouseEvent) =>
    onSeek(clamp(timeAt(event, track.current!, duration), 0, duration));
  const shown = isSourceShown ? (['source', 'result'] as const) : (['result'] as const);
  return (
    <div className="lanes" onClick={seekToPointer}>
      <div className="lanes__track" ref={track}>
        {shown.map((each) => {
          const { waveform } = sounds[each];
          const [from, to] = timeRanges[each];
          const bars = { from, to, width, height: LANE_HEIGHT, scale };
          return (
            <div
              key={each}
              className="lane"
              data-heard={side === each}
              data-testid={`lane-${each}`}
            >
              {waveform && <Bars className={`bars--${each}`} waveform={waveform} {...bars} />}
            </div>
          );
        })}
        {children}
      </div>
    </div>
  );
}
