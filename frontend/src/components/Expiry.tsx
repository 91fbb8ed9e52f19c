import { useEffect, useState } from 'react';
import { formatExpiry } from '../lib/formatting';
import { t } from '../i18n';

const UPDATE_INTERVAL_MS = 20_000;

/** Show until when something is kept: "tomorrow, 9:30" becomes "today, 9:30", then "expired". */
export function Expiry({ time }: { time: string }) {
  const [now, setNow] = useState(() => new Date());
  useEffect(() => {
    const update = () => setNow(new Date());
    const timer = setInterval(update, UPDATE_INTERVAL_MS);
    document.addEventListener('visibilitychange', update);
    return () => {
      clearInterval(timer);
      document.removeEventListener('visibilitychange', update);
    };
  }, []);
  const isExpired = Date.parse(time) <= now.getTime();
  return <time dateTime={time}>{isExpired ? t.expired : formatExpiry(time, now)}</time>;
}
