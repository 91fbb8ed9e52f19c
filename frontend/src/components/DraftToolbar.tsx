import { formatName, sanitise } from '../features/conversion/conversionSettings';
import { remembered } from '../storage/preferences';
import type { Session } from '../appController';
import type { Row } from '../state/reducer';
import type { Format } from '../api/types';

/** For many files at once; one file has all it needs in its own row. */
export function Toolbar({
  rows,
  formats,
  session,
}: {
  rows: Row[];
  formats: Format[];
  session: Session;
}) {
  const drafts = rows.filter((row) => row.stage === 'draft');
  const setAll = (name: string) =>
    drafts.forEach((row) =>
      session.sending.choose(
        row.key,
        sanitise(remembered().byFormat[name] ?? { format: name }, formats),
      ),
    );
  const first = drafts[0]?.choice.format ?? '';
  const same = drafts.every((row) => row.choice.format === first) ? first : '';
  return (
    <section className="toolbar" aria-label="All new files">
      <p>{drafts.length} files are ready to convert</p>
      <label className="toolbar__all">
        All to
        <select
          className="select"
          data-testid="all-format-select"
          value={same}
          onChange={(event) => setAll(event.target.value)}
        >
          {same === '' && (
            <option value="" disabled>
              mixed
            </option>
          )}
          {formats.map((each) => (
            <option key={each.format} value={each.format}>
              {formatName(each.format)}
            </option>
          ))}
        </select>
      </label>
      <button
        type="button"
        className="button button--main"
        data-testid="convert-all"
        onClick={() => session.sending.convertAll()}
      >
        Convert all
      </button>
    </section>
  );
}
