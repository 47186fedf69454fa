// Numbers of the settings.
import { expect, test } from 'vitest';
import { explainRange, rangeOf, readNumber } from '../../../web/src/chat/numbers';

const temperature = rangeOf('temperature', null);

test('an empty text is the default, a number in range itself, anything else is not taken', () => {
  expect(['', '0', '2', '0.55'].map((text) => readNumber(text, temperature))).toEqual([null, 0, 2, 0.55]);
  for (const text of ['5', '-1', 'none']) expect(readNumber(text, temperature)).toBeUndefined();
});

test('counts are whole numbers', () => {
  expect(['100', '1.5', '0'].map((text) => readNumber(text, rangeOf('maxTokens', null)))).toEqual([100, undefined, undefined]);
});

test('a longest answer leaves room in the context, where that is known', () => {
  expect([null, 4096, 1_000_000, 1].map((context) => rangeOf('maxTokens', context).max)).toEqual([65536, 4095, 65536, 1]);
  expect(rangeOf('temperature', 1).max).toBe(2);
});

test('what is not taken is explained', () => {
  expect(explainRange(temperature, null)).toBe('Only a number from 0 to 2; the default still holds.');
  expect(explainRange(rangeOf('maxTokens', 4096), 65536)).toBe('Only a whole number from 1 to 4,095; 65,536 still holds.');
  expect(explainRange(rangeOf('topP', null), 0.5)).toBe('Only a number from 0.01 to 1; 0.5 still holds.');
});
