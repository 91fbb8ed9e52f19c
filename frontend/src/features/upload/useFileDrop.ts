import { useEffect, useState } from 'react';
import { filesFromDataTransfer } from './dataTransferFiles';

/**
 * Accept files that are dropped anywhere in the window.
 *
 * Without this, a drop beside the drop zone would make the browser open the file. Return true
 * while files are dragged over the window.
 */
export function useFileDrop(onFiles: (files: File[]) => void, disabled: boolean): boolean {
  const [isDragging, setDragging] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const handleDrag = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDragging(!disabled);
    };
    const handleLeave = (event: DragEvent) => {
      if (event.relatedTarget === null) setDragging(false);
    };
    const handleDrop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDragging(false);
      if (disabled) return;
      void filesFromDataTransfer(event.dataTransfer!).then((files) => {
        if (files.length) onFiles(files);
      });
    };
    const controller = new AbortController();
    const { signal } = controller;
    window.addEventListener('dragenter', handleDrag, { signal });
    window.addEventListener('dragover', handleDrag, { signal });
    window.addEventListener('dragleave', handleLeave, { signal });
    window.addEventListener('drop', handleDrop, { signal });
    return () => controller.abort();
  }, [onFiles, disabled]);
  return isDragging;
}
