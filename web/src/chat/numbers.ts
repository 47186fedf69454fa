// Numbers that people enter as settings.
import { settingRanges, type NumberSetting } from './types';

export interface Range {
  min: number;
  max: number;
  step: number;
}

/** A longest answer that leaves no room for a question in the model's context is never answered. */
export function rangeOf(name: NumberSetting, contextTokens: number | null): Range {
  const range = settingRanges[name];
  if (name !== 'maxTokens' || contextTokens === null) return range;
  return { ...range, max: Math.max(range.min, Math.min(range.max, contextTokens - 1)) };
}

/** The number of a text, null if it is empty; undefined if it is none or out of range. */
export function readNumber(text: string, range: Range): number | null | undefined {
  if (text.trim() === '') return null;
  const number = Number(text);
  const isWhole = range.step % 1 !== 0 || Number.isInteger(number);
  return isWhole && number >= range.min && number <= range.max ? number : undefined;
}

/** Why a number is not taken, and what holds instead. */
export function explainRange({ min, max, step }: Range, held: number | null): string {
  const [from, to] = [min, max].map((bound) => bound.toLocaleString('en-US'));
  const what = step % 1 === 0 ? 'a whole number' : 'a number';
  const holds = held === null ? 'the default' : held.toLocaleString('en-US');
  return `Only ${what} from ${from} to ${to}; ${holds} still holds.`;
}
