// @vitest-environment jsdom
import { beforeEach, describe, expect, it, vi } from 'vitest';

const links = () => [...document.head.querySelectorAll('link')];
const answer = (type: 'load' | 'error') => links().at(-1)!.dispatchEvent(new Event(type));

/** Return the function as a page has it that has loaded nothing yet. */
async function newPreload() {
  vi.resetModules();
  return (await import('../../src/lib/preload')).preload;
}

describe('a part of the page that loads later', () => {
  beforeEach(() => document.head.replaceChildren());

  it('is loaded at once if it needs nothing else', async () => {
    const preload = await newPreload();
    expect(await preload(async () => 'part')).toBe('part');
    expect(links()).toEqual([]);
  });

  it('waits for its style sheet, but not for the modules beside it', async () => {
    const preload = await newPreload();
    const load = vi.fn(async () => 'part');
    const part = preload(load, ['assets/a.js', 'assets/a.css']);
    const added = links().map((link) => [link.rel, link.getAttribute('href')]);
    expect(added).toEqual([
      ['modulepreload', '/assets/a.js'],
      ['stylesheet', '/assets/a.css'],
    ]);
    await Promise.resolve();
    expect(load).not.toHaveBeenCalled();
    answer('load');
    expect(await part).toBe('part');
  });

  it('shares its style sheet with another part', async () => {
    const preload = await newPreload();
    const parts = ['one', 'two'].map((name) => preload(async () => name, ['assets/a.css']));
    expect(links()).toHaveLength(1);
    answer('load');
    expect(await Promise.all(parts)).toEqual(['one', 'two']);
    expect(await preload(async () => 'three', ['assets/a.css'])).toBe('three');
    expect(links()).toHaveLength(1);
  });

  it('asks again for a style sheet that could not be loaded', async () => {
    const preload = await newPreload();
    const load = vi.fn(async () => 'part');
    const first = preload(load, ['assets/a.css']);
    answer('error');
    await expect(first).rejects.toThrow('assets/a.css');
    expect(load).not.toHaveBeenCalled();
    expect(links()).toEqual([]);
    const second = preload(load, ['assets/a.css']);
    answer('load');
    expect(await second).toBe('part');
  });
});
