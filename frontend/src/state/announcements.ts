import { formatName } from '../features/conversion/conversionSettings';
import type { State } from './reducer';

/** What a screen reader is told: beginnings and ends, never percentages. */
export function milestones(before: State, after: State): string[] {
  const said: string[] = [];
  if (after.connection !== before.connection) {
    if (after.connection === 'offline')
      said.push('The connection is lost. Everything goes on when it is back.');
    else if (before.connection === 'offline') said.push('The connection is back.');
  }
  if (after.rows !== before.rows) {
    const known = new Map(before.rows.map((row) => [row.key, row]));
    for (const row of after.rows) {
      const old = known.get(row.key);
      if (!old || old === row) continue;
      if (row.stage === 'stored' && old.stage === 'sending')
        said.push(`${row.name}: upload finished.`);
      if (row.stage === 'broken' && old.stage !== 'broken')
        said.push(`${row.name}: upload failed. ${row.trouble?.detail ?? ''}`);
      if (row.transfer?.phase === 'failed' && old.transfer?.phase !== 'failed')
        said.push(`${row.name}: upload stopped. ${row.transfer.error?.detail ?? ''}`);
      if (row.transfer?.waiting === 'network' && old.transfer?.waiting !== 'network')
        said.push(`${row.name}: waiting for network.`);
      if (row.trouble && row.trouble !== old.trouble && row.stage !== 'broken')
        said.push(`${row.name}: ${row.trouble.detail}`);
    }
  }
  if (after.conversions !== before.conversions) {
    for (const conversion of Object.values(after.conversions)) {
      const old = before.conversions[conversion.id];
      if (!old || old.status === conversion.status) continue;
      const name =
        after.rows.find((row) => row.upload?.id === conversion.upload_id)?.name ?? 'The file';
      const format = formatName(conversion.format);
      if (conversion.status === 'converting') said.push(`${name}: converting to ${format}.`);
      if (conversion.status === 'completed')
        said.push(`${name}: the ${format} is ready to download.`);
      if (conversion.status === 'failed')
        said.push(`${name}: converting to ${format} failed. ${conversion.error?.detail ?? ''}`);
      if (conversion.status === 'cancelled')
        said.push(`${name}: converting to ${format} was cancelled.`);
    }
  }
  return said;
}
