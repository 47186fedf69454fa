// What an answer cost: one line under it, everything else on demand.
import type { ComponentChildren } from 'preact';
import type { Meter } from '../chat/types';
import { formatCount, formatPercent, formatSeconds, formatUsd } from './format';
import { Icon } from './icons';

interface FigureProps {
  name: string;
  kind?: 'cached' | 'fresh' | 'written';
  hint?: string | null;
  children: ComponentChildren;
}

function Figure({ name, kind, hint, children }: FigureProps) {
  return (
    <div>
      <dt>
        {kind && <i class={`meter-${kind}`} />}
        {name}
      </dt>
      <dd>
        {children}
        {hint && <small>{hint}</small>}
      </dd>
    </div>
  );
}

/** Cached, newly read and written tokens as one bar. */
function TokenBar({ meter }: { meter: Meter }) {
  const { promptTokens, cachedTokens, completionTokens } = meter;
  if (promptTokens === null || completionTokens === null) return null;
  const cached = cachedTokens ?? 0;
  const parts = [
    ['cached', cached],
    ['fresh', promptTokens - cached],
    ['written', completionTokens],
  ] as const;
  return (
    <div class="meter-bar" aria-hidden="true">
      {parts.map(
        ([kind, tokens]) =>
          tokens > 0 && <span key={kind} class={`meter-${kind}`} style={{ flexGrow: tokens }} />,
      )}
    </div>
  );
}

function TokenFigures({ meter }: { meter: Meter }) {
  const { promptTokens, cachedTokens, completionTokens, reasoningTokens } = meter;
  const cached = cachedTokens ?? 0;
  const share = promptTokens ? cached / promptTokens : 0;
  const hint = cached > 0 ? `${formatPercent(share)} of ${formatCount(promptTokens ?? 0)}` : 'nothing yet';
  return (
    <>
      {cachedTokens !== null && (
        <Figure name="From the cache" kind="cached" hint={hint}>
          {formatCount(cached)} <span>tokens</span>
        </Figure>
      )}
      {promptTokens !== null && (
        <Figure name={cachedTokens === null ? 'Prompt' : cached > 0 ? 'Newly read' : 'Read'} kind="fresh">
          {formatCount(promptTokens - cached)} <span>tokens</span>
        </Figure>
      )}
      {completionTokens !== null && (
        <Figure
          name="Written"
          kind="written"
          hint={reasoningTokens ? `${formatCount(reasoningTokens)} of them thinking` : null}
        >
          {formatCount(completionTokens)} <span>tokens</span>
        </Figure>
      )}
    </>
  );
}

function PriceFigure({ meter }: { meter: Meter }) {
  const { costUsd, costWithoutCacheUsd } = meter;
  if (costUsd === null) return null;
  const hasSaved = costWithoutCacheUsd !== null && costWithoutCacheUsd > costUsd;
  return (
    <Figure
      name="Price"
      hint={hasSaved ? `${formatUsd(costWithoutCacheUsd)} without the cache` : null}
    >
      {formatUsd(costUsd)}
    </Figure>
  );
}

function summarize(meter: Meter): string {
  const parts: string[] = [];
  if (meter.promptTokens !== null) parts.push(`${formatCount(meter.promptTokens)} in`);
  if (meter.cachedTokens) parts.push(`${formatCount(meter.cachedTokens)} cached`);
  if (meter.completionTokens !== null) parts.push(`${formatCount(meter.completionTokens)} out`);
  if (meter.costUsd !== null) parts.push(formatUsd(meter.costUsd));
  if (parts.length === 0 && meter.timeToFirstTokenMs !== null) {
    parts.push(`first token after ${formatSeconds(meter.timeToFirstTokenMs)}`);
  }
  return parts.join(' · ');
}

export function MeterView({ meter }: { meter: Meter }) {
  const summary = summarize(meter);
  if (summary === '') return null;
  return (
    <details class="meter">
      <summary title="What this answer cost">
        {summary}
        <Icon name="right" />
      </summary>
      <div class="meter-card">
        <TokenBar meter={meter} />
        <dl>
          <TokenFigures meter={meter} />
          <PriceFigure meter={meter} />
          {meter.timeToFirstTokenMs !== null && (
            <Figure name="First token after">{formatSeconds(meter.timeToFirstTokenMs)}</Figure>
          )}
          {meter.decodeTokensPerS !== null && meter.decodeTokensPerS > 0 && (
            <Figure name="Speed">
              {meter.decodeTokensPerS.toFixed(1)} <span>tokens/s</span>
            </Figure>
          )}
          {meter.contextShareRead !== null && meter.contextShareRead > 0 && (
            <Figure name="Attention read" hint="of the context, per token">
              {formatPercent(meter.contextShareRead)}
            </Figure>
          )}
        </dl>
      </div>
    </details>
  );
}
