// @vitest-environment jsdom
import { expect, it, vi } from 'vitest';
import { draftsOf } from '../../src/state/reducer';
import { totalsOf } from '../../src/state/totals';
import { aConversion } from '../fakes/documents';
import { aFile, FakeApp } from '../fakes/app';

it('counts all files as started at once, while conversions are created in turn', async () => {
  const app = new FakeApp({ isUploadedEarly: true });
  await app.controller.start();
  app.controller.addFiles([aFile('a.wav'), aFile('b.wav'), aFile('c.wav')]);
  await vi.waitFor(() => expect(app.rows.every(({ upload }) => upload)).toBe(true));
  let answer: () => void = () => undefined;
  app.api.createConversion.mockImplementation(
    () => new Promise((resolve) => (answer = () => resolve(aConversion({ id: 'cnv_2' })))),
  );
  app.controller.uploadManager.startAll();
  await vi.waitFor(() => expect(app.api.createConversion).toHaveBeenCalledOnce());
  expect(draftsOf(app.state)).toEqual([]);
  expect(totalsOf(app.state).started).toBe(3);
  answer();
});
