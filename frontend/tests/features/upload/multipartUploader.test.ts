import { beforeEach, describe, expect, it } from 'vitest';
import { ApiError, NetworkError, StorageError } from '../../../src/api/errors';
import { Uploader, type Transfer } from '../../../src/features/upload/multipartUploader';
import { anUpload, FakeUploads, FakeWorld } from '../../fakes';

const SIZE = 95;
let service: FakeUploads;
let world: FakeWorld;
let seen: Transfer[];
let orphans: string[];

beforeEach(() => {
  service = new FakeUploads();
  world = new FakeWorld();
  seen = [];
  orphans = [];
});

function uploader(change: Partial<ConstructorParameters<typeof Uploader>[0]> = {}): Uploader {
  return new Uploader({
    api: service,
    world,
    file: new Blob([new Uint8Array(SIZE)]),
    request: { filename: 'song.wav', size: SIZE },
    onChange: (transfer) => seen.push(transfer),
    onOrphan: (upload) => orphans.push(upload.id),
    ...change,
  });
}

/** Lets everything that can happen happen, without time passing. */
const settle = () => new Promise((resolve) => setTimeout(resolve, 30));

const once = (leg: string, error: unknown, part?: number) => {
  let left = 1;
  service.trouble = (each, n) => {
    if (each === leg && (part === undefined || n === part) && left-- > 0) throw error;
  };
};
const busy = (retryAfterMs?: number) =>
  new ApiError(503, 'storage_unavailable', 'Storage does not answer.', retryAfterMs);

describe('an upload that goes well', () => {
  it('creates, sends each part once, reports each, completes', async () => {
    await uploader().run();
    expect(service.count('createUpload')).toBe(1);
    expect(service.parts('putSigned').sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(service.parts('reportPart').sort((a, b) => a - b)).toEqual([
      1, 2, 3, 4, 5, 6, 7, 8, 9, 10,
    ]);
    expect(service.count('completeUpload')).toBe(1);
    expect(seen.at(-1)).toMatchObject({ phase: 'done', sentBytes: SIZE });
  });

  it('cuts the file where the service says, with a shorter last part', async () => {
    await uploader().run();
    expect(service.sizes.get(9)).toBe(10);
    expect(service.sizes.get(10)).toBe(5);
  });

  it('has four parts on the line at once, never more', async () => {
    await uploader().run();
    expect(service.mostAtOnce).toBe(4);
  });

  it('signs in batches, not part by part', async () => {
    await uploader().run();
    expect(service.count('signParts')).toBe(2);
  });
});

describe('resuming', () => {
  it('asks the service and sends only what is missing', async () => {
    service.upload = anUpload({ completed_parts: [1, 2, 3, 5, 8], version: 9 });
    await uploader({ upload: anUpload({ completed_parts: [1, 2] }) }).run();
    expect(service.count('createUpload')).toBe(0);
    expect(service.parts('putSigned').sort((a, b) => a - b)).toEqual([4, 6, 7, 9, 10]);
  });

  it('sends nothing when everything had arrived', async () => {
    service.upload = anUpload({ status: 'uploaded', version: 20 });
    await uploader({ upload: anUpload() }).run();
    expect(service.count('putSigned')).toBe(0);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('says so when the upload is over', async () => {
    service.upload = anUpload({ status: 'aborted', version: 20 });
    await uploader({ upload: anUpload() }).run();
    expect(seen.at(-1)).toMatchObject({ phase: 'failed', error: { code: 'upload_closed' } });
  });
});

describe('trouble on the way', () => {
  it.each(['createUpload', 'signParts', 'reportPart', 'completeUpload'])(
    'repeats %s after a 503 and a lost connection',
    async (leg) => {
      const errors = [busy(), new NetworkError('gone'), busy()];
      service.trouble = (each) => {
        const error = each === leg ? errors.shift() : undefined;
        if (error) throw error;
      };
      await uploader().run();
      expect(errors).toEqual([]);
      expect(seen.at(-1)?.phase).toBe('done');
      expect(service.count('putSigned')).toBe(10);
    },
  );

  it('repeats only the part whose PUT failed', async () => {
    once('putSigned', new StorageError(500, 'internal'), 3);
    await uploader().run();
    expect(service.count('putSigned', 3)).toBe(2);
    expect(service.count('putSigned')).toBe(11);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('waits at least as long as Retry-After says', async () => {
    once('completeUpload', new ApiError(429, 'rate_limited', 'Too many requests.', 7000));
    await uploader().run();
    expect(Math.max(...world.slept)).toBeGreaterThanOrEqual(7000);
  });

  it('waits longer after each failure', async () => {
    let left = 4;
    service.trouble = (leg) => {
      if (leg === 'completeUpload' && left-- > 0) throw busy();
    };
    await uploader().run();
    expect(world.slept).toEqual([...world.slept].sort((a, b) => a - b));
    expect(world.slept[3]).toBeGreaterThan(world.slept[0]! * 4);
  });

  it('gives up on a service that only refuses, and says why', async () => {
    service.trouble = (leg) => {
      if (leg === 'completeUpload') throw busy();
    };
    await uploader().run();
    expect(seen.at(-1)).toMatchObject({
      phase: 'failed',
      error: { code: 'storage_unavailable', detail: 'Storage does not answer.' },
    });
  });

  it('does not repeat what cannot become right', async () => {
    once('createUpload', new ApiError(413, 'file_too_large', 'Too large.'));
    await uploader().run();
    expect(service.count('createUpload')).toBe(1);
    expect(seen.at(-1)).toMatchObject({ phase: 'failed', error: { code: 'file_too_large' } });
  });

  it('signs anew when storage refuses a URL', async () => {
    once('putSigned', new StorageError(403, 'expired'), 2);
    await uploader().run();
    const urls = service.urls.filter((url) => url.startsWith('https://storage/2?'));
    expect(urls).toHaveLength(2);
    expect(urls[0]).not.toBe(urls[1]);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('sends a part again that the service does not find in storage', async () => {
    once('reportPart', new ApiError(409, 'upload_incomplete', 'Part 4 is not there.'), 4);
    await uploader().run();
    expect(service.count('putSigned', 4)).toBe(2);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('sends the parts again that completing does not find', async () => {
    once(
      'completeUpload',
      new ApiError(409, 'upload_incomplete', 'Parts are missing.', undefined, [6]),
    );
    await uploader().run();
    expect(service.count('putSigned', 6)).toBe(2);
    expect(service.count('putSigned')).toBe(11);
    expect(service.count('completeUpload')).toBe(2);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('is done when somebody else completed it meanwhile', async () => {
    service.trouble = (leg) => {
      if (leg !== 'reportPart' || service.count('reportPart') < 3) return;
      service.upload = anUpload({ status: 'uploaded', version: 50 });
      throw new ApiError(409, 'upload_closed', 'It is complete.');
    };
    await uploader().run();
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('never takes shown bytes back while it repeats', async () => {
    once('putSigned', new StorageError(500, 'internal'), 2);
    await uploader().run();
    const shown = seen.map((each) => each.sentBytes);
    expect(shown).toEqual([...shown].sort((a, b) => a - b));
  });
});

describe('storage out of reach', () => {
  const unreachable = (leg: string) => {
    if (leg === 'putSigned') throw new NetworkError('refused by CORS');
  };

  it('takes the way through the service for the rest, with the service answering', async () => {
    service.trouble = unreachable;
    await uploader().run();
    expect(service.inStorage.size).toBe(10);
    expect(service.count('putPart')).toBe(10);
    expect(seen.at(-1)).toMatchObject({ phase: 'done', viaService: true });
  });

  it('goes there at once when it is known', async () => {
    await uploader({ viaService: true }).run();
    expect(service.count('putSigned')).toBe(0);
    expect(service.count('signParts')).toBe(0);
    expect(service.mostAtOnce).toBe(2);
  });

  it('stays with storage when the service does not answer either: that is the network', async () => {
    let down = true;
    service.trouble = (leg) => {
      if (down && (leg === 'putSigned' || (leg === 'getUpload' && service.count('putSigned') > 0)))
        throw new NetworkError('gone');
    };
    world.hold();
    const run = uploader().run();
    await settle();
    expect(seen.at(-1)?.waiting).toBe('network');
    down = false;
    world.release();
    await run;
    expect(seen.at(-1)).toMatchObject({ phase: 'done', viaService: false });
  });
});

describe('offline', () => {
  it('waits, says so, does not knock, and goes on', async () => {
    let online = false;
    service.trouble = (leg) => {
      if (!online && leg !== 'createUpload' && leg !== 'signParts')
        throw new NetworkError('offline');
    };
    world.isOnline = false;
    world.hold();
    const run = uploader().run();
    await settle();
    const before = service.calls.length;
    await settle();
    expect(service.calls.length).toBe(before);
    expect(seen.at(-1)).toMatchObject({ phase: 'uploading', waiting: 'network' });
    expect(Math.min(...world.slept)).toBeGreaterThanOrEqual(10_000);

    online = world.isOnline = true;
    world.release();
    await run;
    expect(seen.at(-1)).toMatchObject({ phase: 'done', waiting: undefined });
  });
});

describe('pause and cancel', () => {
  it('stops the line, and resuming sends only what is missing', async () => {
    let open: () => void = () => undefined;
    const it = uploader();
    service.trouble = (leg) => {
      // The first four arrive, the next four hang.
      if (leg === 'reportPart' && service.count('reportPart') === 4)
        service.gate = new Promise((resolve) => (open = resolve));
    };
    void it.run();
    await settle();
    it.pause();
    await settle();
    expect(seen.at(-1)).toMatchObject({
      phase: 'paused',
      sentBytes: service.upload.completed_parts.length * 10,
    });
    const arrived = [...service.upload.completed_parts];
    expect(arrived.length).toBeGreaterThan(0);
    expect(arrived.length).toBeLessThan(10);

    open();
    service.gate = undefined;
    service.calls = [];
    await it.run();
    expect(service.parts('putSigned').filter((n) => arrived.includes(n))).toEqual([]);
    expect(service.count('createUpload')).toBe(0);
    expect(seen.at(-1)?.phase).toBe('done');
  });

  it('hands over an upload that was created after it was cancelled', async () => {
    const it = uploader();
    service.trouble = (leg) => {
      if (leg === 'createUpload') it.cancel();
    };
    await it.run();
    expect(orphans).toEqual(['upl_1']);
    expect(service.count('putSigned')).toBe(0);
  });
});

describe('the file on disk', () => {
  it('is given up with words when it changed while it was sent', async () => {
    const file = new Blob([new Uint8Array(SIZE)]);
    const broken = {
      slice: () => ({
        size: 10,
        slice: () => ({
          arrayBuffer: () => Promise.reject(new DOMException('changed', 'NotReadableError')),
        }),
      }),
    };
    service.trouble = (leg) => {
      if (leg === 'putSigned') throw new NetworkError('the browser says no more');
    };
    await uploader({ file: broken as unknown as Blob }).run();
    expect(seen.at(-1)).toMatchObject({ phase: 'failed', error: { code: 'file_changed' } });
    expect(file.size).toBe(SIZE);
  });
});
