import { useEffect, useRef, useState } from 'react';
import { pauseOtherPlayers } from '../../lib/players';
import { clamp, gainAt, type Selection } from './selection';
import { useObjectUrl } from './useWaveform';

/** If fewer seconds than this are left, playing starts from the beginning of the selection. */
const END_SECONDS = 0.05;

/** Play the selection of a file with its fades. The caller renders the element. */
export function usePreview(file: Blob, selection: Selection) {
  const player = useRef<HTMLAudioElement>(null);
  const latest = useRef(selection);
  latest.current = selection;
  const [time, setTime] = useState(0);
  const [isPlaying, setPlaying] = useState(false);
  const [isUnplayable, setUnplayable] = useState(false);
  const position = clamp(time, selection.start, selection.end);

  const seek = (seconds: number) => {
    if (player.current) player.current.currentTime = seconds;
    setTime(seconds);
  };
  const toggle = () => {
    const audio = player.current!;
    if (isPlaying) return audio.pause();
    pauseOtherPlayers(audio);
    seek(position > selection.end - END_SECONDS ? selection.start : position);
    audio.volume = gainAt(selection, audio.currentTime);
    audio.play().catch(() => setPlaying(false));
  };

  useEffect(() => {
    if (!isPlaying) return;
    let frame = 0;
    const follow = () => {
      const audio = player.current;
      if (!audio) return;
      const { start, end } = latest.current;
      const now = audio.currentTime;
      if (now >= end || now < start - END_SECONDS) {
        if (now >= end) audio.pause();
        seek(start);
      } else {
        audio.volume = gainAt(latest.current, now);
        setTime(now);
      }
      frame = requestAnimationFrame(follow);
    };
    frame = requestAnimationFrame(follow);
    return () => cancelAnimationFrame(frame);
  }, [isPlaying]);

  const element = {
    ref: player,
    src: useObjectUrl(file),
    hidden: true,
    preload: 'auto',
    onPlay: () => setPlaying(true),
    onPause: () => setPlaying(false),
    onError: () => setUnplayable(true),
  };
  return { element, position, isPlaying, isUnplayable, seek, toggle };
}
