import { describe, expect, it } from 'vitest';
import { milestones } from '../../src/state/announcements';
import {
  conversionsOf,
  INITIAL,
  reduce,
  type Happening,
  type Row,
  type State,
} from '../../src/state/reducer';
import { aConversion, anUpload, aProgress } from '../fakes';

const aRow = (change: Partial<Row> = {}): Row => ({
  key: 'k',
  name: 'song.wav',
  size: 95,
  stage: 'stored',
  choice: { format: 'mp3' },
  upload: anUpload({ status: 'uploaded', version: 9 }),
  ...change,
});
const after = (...events: Happening[]): State =>
  events.reduce(reduce, { ...INITIAL, rows: [aRow()], conversions: { cnv_1: aConversion() } });
const progress = (change: Parameters<typeof aProgress>[0]): Happening => ({
  type: 'progress',
  progress: aProgress(change),
});

describe('progress', () => {
  it('is taken when its version is newer', () => {
    expect(after(progress({ percent: 60, version: 6 })).conversions.cnv_1).toMatchObject({
      percent: 60,
      version: 6,
    });
  });

  it('is ignored when it arrives late or twice', () => {
    const state = after(
      progress({ percent: 60, version: 8 }),
      progress({ percent: 50, version: 7 }),
      progress({ percent: 10, version: 8 }),
    );
    expect(state.conversions.cnv_1?.percent).toBe(60);
  });

  it('cannot undo an end, whatever its version', () => {
    const state = after(
      progress({ status: 'completed', percent: 100, version: 8 }),
      progress({ percent: 70, version: 99 }),
    );
    expect(state.conversions.cnv_1).toMatchObject({ status: 'completed', percent: 100 });
  });

  it('takes back speed and time left when it names none', () => {
    const state = after(
      progress({ speed: 12, eta_seconds: 30, version: 6 }),
      progress({ phase: 'storing', version: 7 }),
    );
    expect(state.conversions.cnv_1?.speed).toBeUndefined();
    expect(state.conversions.cnv_1?.eta_seconds).toBeUndefined();
  });

  it('moves the place in the queue within one version', () => {
    const state = after(
      progress({ status: 'queued', phase: 'queued', queue_position: 3, version: 6 }),
      progress({ queue_position: 2, version: 6 }),
    );
    expect(state.conversions.cnv_1?.queue_position).toBe(2);
  });

  it('of another tab finishes the row of an upload', () => {
    const state = { ...INITIAL, rows: [aRow({ stage: 'elsewhere', upload: anUpload() })] };
    const done = reduce(
      state,
      progress({ id: 'upl_1', kind: 'upload', status: 'uploaded', version: 12 }),
    );
    expect(done.rows[0]?.stage).toBe('stored');
  });

  it('leaves the rows of other things untouched, so that they are not drawn again', () => {
    const state = after();
    expect(reduce(state, progress({ id: 'cnv_other', version: 99 }))).toBe(state);
  });
});

describe('whole answers', () => {
  it('fill in what an event with the same version left out', () => {
    const output = { filename: 'song.mp3', size: 9, media_type: 'audio/mpeg' };
    const state = after(progress({ status: 'completed', version: 8 }), {
      type: 'conversion',
      conversion: aConversion({ status: 'completed', version: 8, output }),
    });
    expect(state.conversions.cnv_1?.output).toEqual(output);
  });

  it('are ignored when an event was faster', () => {
    const state = after(progress({ status: 'failed', version: 8 }), {
      type: 'conversion',
      conversion: aConversion({ version: 7 }),
    });
    expect(state.conversions.cnv_1?.status).toBe('failed');
  });
});

describe('what is gone', () => {
  it('takes the conversions of an upload with it', () => {
    const state = after({ type: 'gone', id: 'upl_1' });
    expect(state.rows).toEqual([]);
    expect(state.conversions).toEqual({});
  });

  it('does not come back by late news', () => {
    const state = after(
      { type: 'gone', id: 'upl_1' },
      { type: 'conversion', conversion: aConversion({ version: 99 }) },
    );
    expect(state.conversions).toEqual({});
  });

  it('leaves the other conversions of the row', () => {
    const state = after(
      { type: 'conversion', conversion: aConversion({ id: 'cnv_2' }) },
      { type: 'gone', id: 'cnv_1' },
    );
    expect(conversionsOf(state, state.rows[0]!).map((each) => each.id)).toEqual(['cnv_2']);
  });
});

describe('milestones', () => {
  it('are ends and beginnings, not percentages', () => {
    const state = after();
    const moved = reduce(state, progress({ percent: 60, version: 6 }));
    expect(milestones(state, moved)).toEqual([]);
    const done = reduce(moved, progress({ status: 'completed', version: 7 }));
    expect(milestones(moved, done)).toEqual(['song.wav: the MP3 is ready to download.']);
  });
});
