// @vitest-environment jsdom
import { cleanup, render, screen } from '@testing-library/preact';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DropZone } from '../../../src/features/upload/DropZone';

afterEach(cleanup);

describe('the drop zone', () => {
  it('passes on all files that were chosen in the dialog', () => {
    const onFiles = vi.fn();
    render(<DropZone onFiles={onFiles} compact={false} disabled={false} />);
    const files = [new File(['a'], 'a.wav'), new File(['b'], 'b.mp4')];
    const input = screen.getByTestId('file-input');
    Object.defineProperty(input, 'files', { value: files });
    input.dispatchEvent(new Event('change', { bubbles: true }));
    expect(onFiles).toHaveBeenCalledWith(files);
  });
});
