import { useEffect, useRef, useState } from 'react';
import { pauseOtherPlayers } from '../../lib/players';
import { SyncedPlayers, type Side } from './syncedPlayers';

/** If fewer seconds than this are left, playing starts from the beginning. */
const END_SECONDS = 0.05;

/**
 * Play two sounds at the same position.
 *
 * The caller renders an element for each side that can be played, with `refs[side]`. `start` is
 * the time in the source at which the result begins.
 */
export function useComparison(sides: Record<Side, boolean>, start: number, duration: number) {
  const refs = { source: useRef<HTMLAudioElement>(null), result: useRef<HTMLAudioElement>(null) };
  const [wanted, setSide] = useState<Side>('source');
  const side = sides[wanted] ? wanted : sides.result ? 'result' : 'source';
  const players = useRef<SyncedPlayers>(undefined);
  const [time, setTime] = useState(0);
  const [isPlaying, setPlaying] = useState(false);

  useEffect(() => {
    const source = sides.source && refs.source.current;
    const result = sides.result && refs.result.current;
    players.current = new SyncedPlayers(
      {
        ...(source && { source: { element: source, offset: start } }),
        ...(result && { result: { element: result, offset: 0 } }),
      },
      side,
    );
    // A side that has just been loaded joins in.
    if (isPlaying) void players.current.join(time).catch(() => undefined);
  }, [sides.source, sides.result, start]);

  useEffect(() => {
    if (!isPlaying) return;
    let frame = 0;
    const follow = () => {
      const current = players.current!;
      current.align();
      if (!current.isPlaying || current.time >= duration) {
        current.pause();
        setPlaying(false);
      }
      setTime(Math.min(current.time, duration));
      frame = requestAnimationFrame(follow);
    };
    frame = requestAnimationFrame(follow);
    return () => cancelAnimationFrame(frame);
  }, [isPlaying, duration]);

  const seek = (seconds: number) => {
    players.current?.seek(seconds);
    setTime(seconds);
  };
  const toggle = () => {
    const current = players.current!;
    if (isPlaying) {
      current.pause();
      return setPlaying(false);
    }
    pauseOtherPlayers(refs.source.current, refs.result.current);
    seek(time > duration - END_SECONDS ? 0 : time);
    current.play().then(
      () => setPlaying(true),
      () => setPlaying(false),
    );
  };
  const hear = (next: Side) => {
    players.current?.hear(next);
    setSide(next);
  };
  return { refs, side, time, isPlaying, seek, toggle, hear };
}
