import { configure } from '@testing-library/preact';
import { options } from 'preact';
import { vi } from 'vitest';

/** Milliseconds. */
const WAIT_FOR = 10_000;

/** Preact waits for a frame or 35 ms. By then a test may be over, and its window gone. */
options.requestAnimationFrame = (callback) => void setTimeout(callback);

/** Wait long for what happens at once: a busy machine may take a second for it. */
const waitFor = vi.waitFor;
vi.waitFor = (callback, options) =>
  waitFor(callback, typeof options === 'number' ? options : { timeout: WAIT_FOR, ...options });
configure({ asyncUtilTimeout: WAIT_FOR });
