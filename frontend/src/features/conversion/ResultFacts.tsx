import type { Conversion } from '../../api/types';
import { formatDuration } from '../../lib/formatting';
import { shownText } from '../../lib/shownText';
import {
  bitDepthLabel,
  channelsLabel,
  describeOptions,
  formatName,
  sampleRateLabel,
} from './conversionSettings';
import { factsTexts } from '../../i18n/facts';

/** More would hide the rest. */
const MAX_TAGS = 12;

/** List what is known about the source and the result of a conversion. */
export function ResultFacts({ conversion }: { conversion: Conversion }) {
  const t = factsTexts();
  const { format, options, output } = conversion;
  const result = [formatName(format), ...describeOptions(options)].join(', ');
  const tags = Object.entries(conversion.source?.tags ?? {}).slice(0, MAX_TAGS);
  return (
    <dl className="facts">
      <div>
        <dt>{t.source}</dt>
        <dd>{sourceFacts(conversion).join(', ') || t.unknown}</dd>
      </div>
      <div>
        <dt>{t.result}</dt>
        <dd>{result}</dd>
      </div>
      {tags.length > 0 && (
        <div>
          <dt>{t.tags}</dt>
          <dd>{shownText(tags.map(([name, value]) => `${name}: ${value}`).join(' · '))}</dd>
        </div>
      )}
      <div>
        <dt>{t.hash}</dt>
        <dd>
          <code>{output?.sha256}</code>
        </dd>
      </div>
    </dl>
  );
}

function sourceFacts({ source }: Conversion): string[] {
  if (!source) return [];
  const { codec, container, sample_rate, channels, bit_depth, bitrate, duration } = source;
  return [
    codec,
    container !== codec && container,
    sample_rate && sampleRateLabel(sample_rate),
    bit_depth && bitDepthLabel(bit_depth),
    channels && channelsLabel(channels),
    bitrate && `${Math.round(bitrate / 1000)} kbit/s`,
    duration && formatDuration(duration),
    source.has_cover && factsTexts().withCover,
  ].filter((fact): fact is string => Boolean(fact));
}
