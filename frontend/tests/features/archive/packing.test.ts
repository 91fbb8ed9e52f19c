import { describe, expect, it } from 'vitest';
import { pack } from '../../../src/features/archive/packing';

const CONTENT = new TextEncoder().encode('0123456789');

/** Open a file of ten bytes. The first answers break off after three. */
function fileThatBreaks(path: string, brokenAnswers: number, positions: number[]) {
  const open = async (position: number) => {
    positions.push(position);
    const isBroken = positions.length <= brokenAnswers;
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        controller.enqueue(CONTENT.slice(position, isBroken ? position + 3 : undefined));
        if (!isBroken) controller.close();
      },
      pull: (controller) => controller.error(new TypeError('network error')),
    });
    return { size: CONTENT.length, body };
  };
  return { path, lastModified: new Date(), open };
}

function archiveOf(brokenAnswers: number, signal = new AbortController().signal) {
  const [positions, packed]: [number[], number[]] = [[], []];
  const entries = ['Album/1.mp3', 'Album/2.mp3'].map((path) =>
    fileThatBreaks(path, brokenAnswers, positions),
  );
  const pause = async () => signal.throwIfAborted();
  const archive = pack(entries, { signal, pause, onPacked: (count) => packed.push(count) });
  return { positions, packed, text: new Response(archive).text() };
}

describe('an archive of results', () => {
  it('has every file once, in its folder', async () => {
    const { text, packed } = archiveOf(0);
    expect((await text).match(/0123456789/g)).toHaveLength(2);
    expect(await text).toContain('Album/2.mp3');
    expect(packed).toEqual([0, 1]);
  });

  it('goes on where a download was broken off', async () => {
    const { text, positions } = archiveOf(2);
    expect((await text).match(/0123456789/g)).toHaveLength(2);
    expect(positions).toEqual([0, 3, 6, 0]);
  });

  it('ends when it is cancelled', async () => {
    await expect(archiveOf(1, AbortSignal.abort()).text).rejects.toThrow();
  });
});
