import { describe, expect, it } from 'vitest';
import { announcementsFor } from '../../src/state/announcements';
import { reducer, selectConversions } from '../../src/state/reducer';
import { INITIAL_STATE, type Action, type Row, type State } from '../../src/state/state';
import { aConversion, anOutput, anUpload, aProgress } from '../fakes/documents';

const aRow = (change: Partial<Row> = {}): Row => ({
  key: 'k',
  name: 'song.wav',
  size: 95,
  stage: 'uploaded',
  settings: { format: 'mp3' },
  upload: anUpload({ status: 'uploaded', version: 9 }),
  ...change,
});
const initialState: State = {
  ...INITIAL_STATE,
  rows: [aRow()],
  conversions: { cnv_1: aConversion() },
};
const stateAfter = (...actions: Action[]): State => actions.reduce(reducer, initialState);
const progress = (change: Parameters<typeof aProgress>[0]): Action => ({
  type: 'progress-received',
  progress: aProgress(change),
});
const received = (change: Parameters<typeof aConversion>[0]): Action => ({
  type: 'conversion-received',
  conversion: aConversion(change),
});

describe('progress', () => {
  it('is applied if its version is newer', () => {
    const state = stateAfter(progress({ percent: 60, version: 6 }));
    expect(state.conversions.cnv_1).toMatchObject({ percent: 60, version: 6 });
  });

  it('is ignored if it arrives late or twice', () => {
    const state = stateAfter(
      progress({ percent: 60, version: 8 }),
      progress({ percent: 50, version: 7 }),
      progress({ percent: 10, version: 8 }),
    );
    expect(state.conversions.cnv_1?.percent).toBe(60);
  });

  it('cannot undo a final status, whatever its version is', () => {
    const state = stateAfter(
      progress({ status: 'completed', percent: 100, version: 8 }),
      progress({ percent: 70, version: 99 }),
    );
    expect(state.conversions.cnv_1).toMatchObject({ status: 'completed', percent: 100 });
  });

  it('clears speed and time left if it has none', () => {
    const state = stateAfter(
      progress({ speed: 12, eta_seconds: 30, version: 6 }),
      progress({ phase: 'storing', version: 7 }),
    );
    expect(state.conversions.cnv_1?.speed).toBeUndefined();
    expect(state.conversions.cnv_1?.eta_seconds).toBeUndefined();
  });

  it('changes the queue position within one version', () => {
    const state = stateAfter(
      progress({ status: 'queued', phase: 'queued', queue_position: 3, version: 6 }),
      progress({ queue_position: 2, version: 6 }),
    );
    expect(state.conversions.cnv_1?.queue_position).toBe(2);
  });

  it('of an upload in another tab completes its row', () => {
    const state = {
      ...INITIAL_STATE,
      rows: [aRow({ stage: 'other-tab', upload: anUpload() })],
    };
    const change = { id: 'upl_1', kind: 'upload', status: 'uploaded', version: 12 } as const;
    expect(reducer(state, progress(change)).rows[0]?.stage).toBe('uploaded');
  });

  it('leaves other rows unchanged, so that they are not rendered again', () => {
    const state = stateAfter();
    expect(reducer(state, progress({ id: 'cnv_other', version: 99 }))).toBe(state);
  });
});

describe('a received conversion', () => {
  it('adds the fields that an event of the same version left out', () => {
    const output = anOutput();
    const state = stateAfter(
      progress({ status: 'completed', version: 8 }),
      received({ status: 'completed', version: 8, output }),
    );
    expect(state.conversions.cnv_1?.output).toEqual(output);
  });

  it('is ignored if an event was newer', () => {
    const state = stateAfter(progress({ status: 'failed', version: 8 }), received({ version: 7 }));
    expect(state.conversions.cnv_1?.status).toBe('failed');
  });
});

describe('a deleted item', () => {
  it('takes the conversions of an upload with it', () => {
    const state = stateAfter({ type: 'item-deleted', id: 'upl_1' });
    expect(state.rows).toEqual([]);
    expect(state.conversions).toEqual({});
  });

  it('does not come back by a late update', () => {
    const state = stateAfter({ type: 'item-deleted', id: 'upl_1' }, received({ version: 99 }));
    expect(state.conversions).toEqual({});
  });

  it('leaves the other conversions of the row', () => {
    const state = stateAfter(received({ id: 'cnv_2' }), { type: 'item-deleted', id: 'cnv_1' });
    expect(selectConversions(state, state.rows[0]!).map(({ id }) => id)).toEqual(['cnv_2']);
  });
});

describe('announcements', () => {
  it('report the end of a conversion, but not its percentages', () => {
    const state = stateAfter();
    const moved = reducer(state, progress({ percent: 60, version: 6 }));
    expect(announcementsFor(state, moved)).toEqual([]);
    const done = reducer(moved, progress({ status: 'completed', version: 7 }));
    expect(announcementsFor(moved, done)).toEqual(['song.wav: the MP3 is ready to download.']);
  });
});

describe('the connection', () => {
  it('takes away what was said about a missing one when it is back', () => {
    const network = { code: 'network', detail: 'It cannot be reached.' };
    const gone = { code: 'gone', detail: 'It was deleted.' };
    const state: State = {
      ...initialState,
      rows: [aRow({ problem: network }), aRow({ key: 'other', problem: gone })],
      conversionProblems: { cnv_1: network, cnv_2: gone },
    };
    const offline = reducer(state, { type: 'connection-changed', connection: 'offline' });
    expect(offline).toEqual({ ...state, connection: 'offline' });
    const live = reducer(offline, { type: 'connection-changed', connection: 'live' });
    expect(live.rows.map(({ problem }) => problem)).toEqual([undefined, gone]);
    expect(live.conversionProblems).toEqual({ cnv_2: gone });
  });
});
