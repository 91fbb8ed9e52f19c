import { describe, expect, it } from 'vitest';
import { SyncedPlayers } from '../../../src/features/waveform/syncedPlayers';

class FakePlayer {
  currentTime = 0;
  muted = false;
  paused = true;
  seeking = false;
  playbackRate = 1;
  play = async () => void (this.paused = false);
  pause = () => void (this.paused = true);
}

/** The result begins two seconds after the source. */
function twoPlayers() {
  const [source, result] = [new FakePlayer(), new FakePlayer()];
  const players = new SyncedPlayers(
    {
      source: { element: source as unknown as HTMLAudioElement, offset: 2 },
      result: { element: result as unknown as HTMLAudioElement, offset: 0 },
    },
    'source',
  );
  return { players, source, result };
}

describe('two synced players', () => {
  it('play at the same position, and one of them is heard', async () => {
    const { players, source, result } = twoPlayers();
    players.seek(5);
    await players.play();
    expect([source.currentTime, result.currentTime]).toEqual([7, 5]);
    expect([source.paused, result.paused]).toEqual([false, false]);
    expect([source.muted, result.muted]).toEqual([false, true]);
  });

  it('keep the position when the other one is heard', async () => {
    const { players, source, result } = twoPlayers();
    await players.play();
    source.currentTime = 9;
    result.currentTime = 7.01;
    players.hear('result');
    expect([source.muted, result.muted]).toEqual([true, false]);
    expect(players.time).toBe(7.01);
    result.currentTime = 8;
    source.currentTime = 4;
    players.hear('source');
    expect(players.time).toBe(8);
  });

  it('play on when one of them joins late', async () => {
    const { players, source, result } = twoPlayers();
    source.paused = false;
    source.currentTime = 9;
    await players.join(7);
    expect([source.currentTime, result.currentTime]).toEqual([9, 7]);
    expect([source.paused, result.paused]).toEqual([false, false]);
  });

  it('keep the position of a pause exactly', () => {
    const { players, result } = twoPlayers();
    players.seek(3);
    result.currentTime = 3.2;
    players.hear('result');
    expect(players.time).toBe(3);
  });

  it('bring the one that is not heard closer, by speed or by a jump', () => {
    const { players, source, result } = twoPlayers();
    source.currentTime = 12;
    result.currentTime = 9.9;
    players.align();
    expect(result.playbackRate).toBeCloseTo(1.1);
    expect(source.playbackRate).toBe(1);
    result.currentTime = 4;
    players.align();
    expect(result.currentTime).toBe(10);
  });
});
