import { useState } from 'react';
import type { AppController } from '../../appController';
import { t } from '../../i18n';
import { isUploadedEarly } from '../../storage/preferences';

/** Say that files are uploaded while the user chooses their settings, and let the user decide. */
export function EarlyUpload({ controller }: { controller: AppController }) {
  const [isEarly, setEarly] = useState(isUploadedEarly);
  return (
    <label className="early-upload">
      <input
        type="checkbox"
        data-testid="early-upload"
        checked={isEarly}
        onChange={({ currentTarget: { checked } }) => {
          setEarly(checked);
          controller.changeEarlyUpload(checked);
        }}
      />
      <span>{t.earlyUpload}</span>
    </label>
  );
}
