import { useRef, useState } from 'react';
import type { Conversion } from '../../api/types';
import type { AppController } from '../../appController';
import { Share } from '../../components/Icons';
import { t } from '../../i18n';

/** Chromium shares no more than this, and other browsers little more. */
const MAX_SHARED_BYTES = 50 * 1024 ** 2;

interface ShareResultProps {
  conversion: Conversion;
  controller: AppController;
}

/** Offer to hand a result to another app, where the browser can do that. */
export function ShareResult({ conversion, controller }: ShareResultProps) {
  const { output } = conversion;
  const loaded = useRef<File>(undefined);
  const [isLoading, setLoading] = useState(false);
  if (!output || output.size > MAX_SHARED_BYTES || !canShare(output)) return null;
  const share = async () => {
    setLoading(true);
    loaded.current ??= await controller.conversionManager.fetchResultFile(conversion);
    setLoading(false);
    // After a long download the browser wants another click, for which the file is kept.
    if (loaded.current) await navigator.share({ files: [loaded.current] }).catch(() => undefined);
  };
  return (
    <button
      type="button"
      className="button"
      data-testid="share-button"
      aria-label={t.shareFile(output.filename)}
      disabled={isLoading}
      onClick={() => void share()}
    >
      <Share />
      {t.share}
    </button>
  );
}

const canShare = ({ filename, media_type: type }: NonNullable<Conversion['output']>): boolean =>
  navigator.canShare?.({ files: [new File([], filename, { type })] }) ?? false;
