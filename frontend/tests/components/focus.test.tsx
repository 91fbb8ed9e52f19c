// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/preact';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { App } from '../../src/App';
import { FILE_LIST_ID, FILE_PICKER_ID } from '../../src/lib/focus';
import { aFile, FakeApp } from '../fakes/app';

let app: FakeApp;

beforeEach(async () => {
  vi.stubGlobal('matchMedia', () => ({ matches: false }));
  app = new FakeApp({ undoMs: 60_000 });
  await app.controller.start();
  app.controller.addFiles([aFile('a.wav'), aFile('b.wav')]);
  render(<App controller={app.controller} />);
});
afterEach(() => {
  cleanup();
  vi.unstubAllGlobals();
});

const press = (button: HTMLElement) => {
  button.focus();
  fireEvent.click(button);
};
const hasFocus = (id: string) => vi.waitFor(() => expect(document.activeElement?.id).toBe(id));

describe('the focus', () => {
  it('goes to the file picker when all files are removed, and comes back with them', async () => {
    press(screen.getByRole('button', { name: 'Remove all' }));
    await hasFocus(FILE_PICKER_ID);
    press(screen.getByTestId('undo-button'));
    await hasFocus(FILE_LIST_ID);
  });

  it('goes to the file picker when everything is deleted', async () => {
    press(screen.getByTestId('delete-everything'));
    press(await screen.findByText(/Really delete/));
    await hasFocus(FILE_PICKER_ID);
  });

  it('moves without scrolling what is above the list out of the window', async () => {
    const list = document.getElementById(FILE_LIST_ID)!;
    const focus = vi.spyOn(list, 'focus');
    press(screen.getByTestId('convert-all'));
    await hasFocus(FILE_LIST_ID);
    expect(focus).toHaveBeenCalledWith({ preventScroll: true });
  });
});
