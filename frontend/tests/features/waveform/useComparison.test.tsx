// @vitest-environment jsdom
import { act, renderHook } from '@testing-library/preact';
import { describe, expect, it, vi } from 'vitest';
import { useComparison } from '../../../src/features/waveform/useComparison';

function aPlayer(): HTMLAudioElement {
  const player = document.createElement('audio');
  let isPaused = true;
  Object.defineProperty(player, 'paused', { get: () => isPaused });
  Object.defineProperty(player, 'currentTime', { value: 0, writable: true });
  player.play = vi.fn(async () => void (isPaused = false));
  player.pause = () => void (isPaused = true);
  return player;
}

describe('a comparison', () => {
  it('goes on with a result that is loaded while the source plays', async () => {
    const initialProps = { source: false, result: false };
    const { result: hook, rerender } = renderHook((sides) => useComparison(sides, 0, 60), {
      initialProps,
    });
    const [source, result] = [aPlayer(), aPlayer()];
    hook.current.refs.source.current = source;
    hook.current.refs.result.current = result;
    rerender({ source: true, result: false });
    act(() => hook.current.seek(20));
    act(() => hook.current.toggle());
    await vi.waitFor(() => expect(hook.current.isPlaying).toBe(true));
    expect([source.paused, result.paused]).toEqual([false, true]);

    rerender({ source: true, result: true });
    expect(result.currentTime).toBe(20);
    act(() => hook.current.hear('result'));
    expect([source.paused, result.paused]).toEqual([false, false]);
    expect([source.muted, result.muted]).toEqual([true, false]);
    expect(source.play).toHaveBeenCalledOnce();
  });
});
