// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { aFile, FakeApp } from '../fakes/app';
import { aConversion } from '../fakes/documents';

const shown: string[] = [];

function fakeNotification(_title: string, { body }: { body: string }) {
  shown.push(body);
}
fakeNotification.permission = 'granted';

beforeEach(() => {
  shown.length = 0;
  vi.stubGlobal('Notification', fakeNotification);
});

afterEach(() => vi.unstubAllGlobals());

const convertOneFile = async () => {
  const app = new FakeApp();
  await app.controller.start();
  app.controller.addFiles([aFile()]);
  app.controller.uploadManager.startAll();
  await vi.waitFor(() => expect(app.rows[0]?.stage).toBe('uploaded'));
  const conversion = aConversion({ upload_id: 'upl_1', status: 'converting', version: 50 });
  app.controller.store.dispatch({ type: 'conversion-received', conversion });
  const done = { ...conversion, status: 'completed', version: 51 } as const;
  app.controller.store.dispatch({ type: 'conversion-received', conversion: done });
};

describe('the notification', () => {
  it('comes once when all is done and the tab is in the background', async () => {
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(true);
    await convertOneFile();
    expect(shown.at(-1)).toBe('1 done');
  });

  it('does not come while the user looks at the page', async () => {
    vi.spyOn(document, 'hidden', 'get').mockReturnValue(false);
    await convertOneFile();
    expect(shown).toEqual([]);
  });
});
