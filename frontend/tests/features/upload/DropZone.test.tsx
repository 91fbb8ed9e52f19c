// @vitest-environment jsdom
import { cleanup, fireEvent, render, screen } from '@testing-library/react';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { DropZone } from '../../../src/features/upload/DropZone';

afterEach(cleanup);

describe('the drop zone', () => {
  it('passes on all files that were chosen in the dialog', () => {
    const onFiles = vi.fn();
    render(<DropZone onFiles={onFiles} compact={false} disabled={false} />);
    const files = [new File(['a'], 'a.wav'), new File(['b'], 'b.mp4')];
    fireEvent.change(screen.getByTestId('file-input'), { target: { files } });
    expect(onFiles).toHaveBeenCalledWith(files);
  });
});
