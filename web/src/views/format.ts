// Figures as people read them.
const counts = new Intl.NumberFormat('en-US');

export function formatCount(value: number): string {
  return counts.format(value);
}

/** "1 token", "12,345 tokens". */
export function formatTokens(value: number): string {
  return value === 1 ? '1 token' : `${formatCount(value)} tokens`;
}

export function formatSeconds(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 60_000) return `${(ms / 1000).toFixed(ms < 10_000 ? 1 : 0)} s`;
  const seconds = Math.round(ms / 1000);
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
}

/** Two digits that count, however small: $0.000034. */
export function formatUsd(value: number): string {
  if (value === 0) return '$0';
  if (value >= 0.1) return `$${value.toFixed(2)}`;
  const digits = Math.min(12, 1 - Math.floor(Math.log10(Math.abs(value))));
  return `$${value.toFixed(digits)}`;
}

/** Never 100 % for less than everything. */
export function formatPercent(share: number): string {
  const percent = share * 100;
  if (percent === 0 || percent === 100) return `${percent} %`;
  if (percent > 99) return `${(Math.floor(percent * 100) / 100).toFixed(2)} %`;
  return `${percent >= 10 ? Math.round(percent) : percent.toFixed(1)} %`;
}

const dayMs = 86_400_000;

/** The heading in the list of conversations under which a time falls. */
export function dayGroup(time: number, now: number): string {
  const midnight = new Date(now).setHours(0, 0, 0, 0);
  if (time >= midnight) return 'Today';
  if (time >= midnight - dayMs) return 'Yesterday';
  if (time >= midnight - 7 * dayMs) return 'Last 7 days';
  return 'Earlier';
}
