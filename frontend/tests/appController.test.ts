// @vitest-environment jsdom
// jsdom's own File cannot be read; Node's can.
import { File as ReadableFile } from 'node:buffer';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import type { Api } from '../src/api/client';
import { ApiError, NetworkError } from '../src/api/errors';
import { fingerprint } from '../src/features/upload/fingerprint';
import { Session } from '../src/appController';
import type { Upload } from '../src/api/types';
import {
  aConversion,
  anUpload,
  aProgress,
  FakeEvents,
  FakeUploads,
  FakeWorld,
  FORMATS,
  MemoryKeeper,
} from './fakes';

let uploads: FakeUploads;
let keeper: MemoryKeeper;
let listed: Upload[];
let order: string[];
let api: Api;
let session: Session;
let locked: Set<string>;

const settle = () => new Promise((resolve) => setTimeout(resolve, 60));
const rows = () => session.store.get().rows;
const aFile = (name = 'song.wav', size = 95, fill = 0) =>
  new ReadableFile([new Uint8Array(size).fill(fill)], name, {
    type: 'audio/wav',
  }) as unknown as File;

beforeEach(() => {
  localStorage.clear();
  FakeEvents.all = [];
  uploads = new FakeUploads();
  keeper = new MemoryKeeper();
  [listed, order, locked] = [[], [], new Set()];
  api = {
    ...uploads,
    formats: async () => {
      order.push('formats');
      await new Promise((resolve) => setTimeout(resolve, 5));
      order.push('formats answered');
      return FORMATS;
    },
    listUploads: async () => (order.push('uploads'), listed),
    listConversions: async () => (order.push('conversions'), []),
    getConversion: vi.fn(async (id: string) =>
      aConversion({
        id,
        status: 'completed',
        version: 20,
        output: { filename: 'song.mp3', size: 9, media_type: 'audio/mpeg' },
      }),
    ),
    createConversion: vi.fn(async () => aConversion({ id: 'cnv_2' })),
    cancelConversion: vi.fn(async () => undefined),
    deleteConversion: vi.fn(async () => undefined),
    deleteUpload: vi.fn(async () => undefined),
    progress: async () => ({ state: 'same' as const }),
    events: () => new FakeEvents() as unknown as EventSource,
  };
  const lock = async (key: string, wait?: boolean) =>
    locked.has(key) ? (wait ? new Promise<never>(() => undefined) : undefined) : () => undefined;
  session = new Session({ api, keeper, world: new FakeWorld(), lock });
});

describe('starting', () => {
  it('asks one thing alone, for its answer brings the session', async () => {
    await session.start();
    expect(order).toEqual(['formats', 'formats answered', 'uploads', 'conversions']);
    expect(FakeEvents.all).toHaveLength(1);
  });

  it('keeps trying and says so while the service is away', async () => {
    let refusals = 12;
    api.formats = async () => {
      if (refusals-- > 0) throw new ApiError(503, 'storage_unavailable', 'away');
      return FORMATS;
    };
    const boots: string[] = [];
    session.store.subscribe(() => boots.push(session.store.get().boot));
    await session.start();
    expect(boots).toContain('unreachable');
    expect(session.store.get().boot).toBe('ready');
  });
});

describe('after a reload', () => {
  const kept = {
    key: 'k1',
    uploadId: 'upl_1',
    name: 'song.wav',
    size: 95,
    choice: { format: 'mp3', bitrate: '192k' },
    keptAt: 0,
  };

  it('an upload goes on by itself where the bytes are kept, with the missing parts only', async () => {
    listed = [(uploads.upload = anUpload({ completed_parts: [1, 2, 3, 4], version: 5 }))];
    await keeper.put(kept);
    await keeper.keepFile('k1', aFile());
    await session.start();
    await settle();
    expect(uploads.parts('putSigned').sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 10]);
    expect(rows()[0]?.stage).toBe('stored');
    expect(keeper.files.size).toBe(0);
  });

  it('asks for the file where they are not', async () => {
    listed = [anUpload({ completed_parts: [1, 2] })];
    await session.start();
    await settle();
    expect(rows()[0]?.stage).toBe('orphan');
    expect(uploads.calls).toEqual([]);
  });

  it('leaves an upload to the tab that sends it', async () => {
    listed = [anUpload()];
    await keeper.put(kept);
    await keeper.keepFile('k1', aFile());
    locked.add('k1');
    await session.start();
    await settle();
    expect(rows()[0]?.stage).toBe('elsewhere');
    expect(uploads.calls).toEqual([]);
  });

  it('brings drafts back', async () => {
    await keeper.put({ ...kept, uploadId: undefined, keptAt: Date.now() });
    await keeper.keepFile('k1', aFile());
    await session.start();
    expect(rows()).toMatchObject([{ stage: 'draft', name: 'song.wav' }]);
  });

  it('keeps the order that the list had', async () => {
    listed = [
      anUpload({ id: 'upl_new', status: 'uploaded' }),
      anUpload({ id: 'upl_b', status: 'uploaded' }),
      anUpload({ id: 'upl_a', status: 'uploaded' }),
    ];
    localStorage.setItem('tinypixo:order', 'upl_a upl_b');
    await session.start();
    expect(rows().map((row) => row.upload?.id)).toEqual(['upl_new', 'upl_a', 'upl_b']);
  });

  it('forgets what the service does not know any more', async () => {
    await keeper.put(kept);
    await session.start();
    expect(rows()).toEqual([]);
    expect(keeper.notes.size).toBe(0);
  });

  describe('with the file chosen again', () => {
    beforeEach(async () => {
      listed = [(uploads.upload = anUpload({ completed_parts: [1, 2], version: 3 }))];
      await keeper.put({ ...kept, fingerprint: await fingerprint(aFile()) });
      await session.start();
    });

    it('goes on when it is the same, even by a plain drop', async () => {
      session.add([aFile()]);
      await settle();
      expect(rows()).toMatchObject([{ stage: 'stored' }]);
      expect(uploads.parts('putSigned')).not.toContain(1);
    });

    it.each([
      ['name', aFile('other.wav')],
      ['size', aFile('song.wav', 94)],
      ['content', aFile('song.wav', 95, 7)],
    ])('refuses one of another %s and offers to start anew', async (_, file) => {
      await session.resuming.offer('k1', file);
      await settle();
      expect(rows()[0]).toMatchObject({ stage: 'orphan', otherFile: file.name });
      expect(uploads.calls).toEqual([]);

      await session.startAnew(rows()[0]!);
      expect(api.deleteUpload).toHaveBeenCalledWith('upl_1');
      expect(rows()).toMatchObject([{ stage: 'draft', name: file.name }]);
    });
  });
});

describe('new files', () => {
  beforeEach(() => session.start());

  it('are refused with words when they are empty', () => {
    session.add([aFile('empty.wav', 0)]);
    expect(rows()[0]).toMatchObject({ stage: 'refused', trouble: { code: 'file_empty' } });
    session.sending.convertAll();
    expect(uploads.calls).toEqual([]);
  });

  it('wait for their turn: two at once', async () => {
    uploads.gate = new Promise(() => undefined);
    session.add([aFile('a.wav'), aFile('b.wav'), aFile('c.wav')]);
    session.sending.convertAll();
    await settle();
    expect(rows().map((row) => row.stage)).toEqual(['sending', 'sending', 'queued']);
  });

  it('are not created twice when the answer to the first creation got lost', async () => {
    let lost = true;
    uploads.trouble = (leg) => {
      if (leg !== 'createUpload' || !lost) return;
      lost = false;
      listed = [uploads.upload];
      throw new NetworkError('the answer got lost');
    };
    session.add([aFile()]);
    session.sending.convertAll();
    await settle();
    expect(uploads.count('createUpload')).toBe(1);
    expect(rows()[0]?.stage).toBe('stored');
  });

  it('take the format that was chosen last', () => {
    session.add([aFile('a.wav')]);
    session.sending.choose(rows()[0]!.key, { format: 'flac', bit_depth: 24 });
    session.add([aFile('b.wav')]);
    expect(rows()[0]?.choice).toEqual({ format: 'flac', bit_depth: 24 });
  });

  it('are deleted on the service when they are removed while they are created', async () => {
    let create: () => void = () => undefined;
    uploads.trouble = (leg) =>
      leg === 'createUpload' ? new Promise((resolve) => (create = resolve)) : undefined;
    session.add([aFile()]);
    session.sending.convertAll();
    await session.remove(rows()[0]!);
    expect(rows()).toEqual([]);
    create();
    await settle();
    expect(api.deleteUpload).toHaveBeenCalledWith('upl_1');
  });
});

describe('conversions', () => {
  beforeEach(async () => {
    listed = [anUpload({ status: 'uploaded', version: 9 })];
    await session.start();
    session.store.dispatch({ type: 'conversion', conversion: aConversion() });
  });

  it('are fetched whole when an event says that they are complete', async () => {
    FakeEvents.all[0]!.say(
      'progress',
      aProgress({ status: 'completed', percent: 100, version: 20 }),
    );
    await settle();
    expect(session.store.get().conversions.cnv_1?.output?.filename).toBe('song.mp3');
  });

  it('that nobody told us about are fetched at their first event', async () => {
    FakeEvents.all[0]!.say('progress', aProgress({ id: 'cnv_9' }));
    await settle();
    expect(session.store.get().conversions.cnv_9).toBeDefined();
  });

  it('are asked for once, with one key, however often the request is repeated', async () => {
    vi.mocked(api.createConversion).mockRejectedValueOnce(
      new ApiError(503, 'storage_unavailable', 'busy'),
    );
    await session.converting.again(rows()[0]!, { format: 'flac' });
    const keys = vi.mocked(api.createConversion).mock.calls.map(([, , key]) => key);
    expect(keys).toHaveLength(2);
    expect(keys[0]).toBe(keys[1]);
  });

  it('that failed are tried again as they were, and the old one goes', async () => {
    await session.converting.retry(
      rows()[0]!,
      aConversion({ status: 'failed', options: { bitrate: '192k', sample_rate: undefined } }),
    );
    expect(vi.mocked(api.createConversion).mock.calls[0]?.slice(0, 2)).toEqual([
      'upl_1',
      { format: 'mp3', bitrate: '192k', sample_rate: undefined },
    ]);
    expect(api.deleteConversion).toHaveBeenCalledWith('cnv_1');
  });

  it('that ended before they could be cancelled are no error', async () => {
    vi.mocked(api.cancelConversion).mockRejectedValue(
      new ApiError(409, 'conversion_finished', 'It has ended.'),
    );
    await session.converting.cancel('cnv_1');
    expect(session.store.get().troubles).toEqual({});
    expect(session.store.get().conversions.cnv_1?.status).toBe('completed');
  });

  it('go with their upload, which may be gone already', async () => {
    vi.mocked(api.deleteUpload).mockRejectedValue(
      new ApiError(404, 'upload_not_found', 'No such upload.'),
    );
    await session.remove(rows()[0]!);
    expect(rows()).toEqual([]);
    expect(session.store.get().conversions).toEqual({});
  });
});
