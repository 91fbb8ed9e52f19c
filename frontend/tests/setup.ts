import { options } from 'preact';

/** Preact waits for a frame or 35 ms. By then a test may be over, and its window gone. */
options.requestAnimationFrame = (callback) => void setTimeout(callback);
