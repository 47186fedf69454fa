// @vitest-environment jsdom
// What key presses do.
import 'fake-indexeddb/auto';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { sendsText } from '../../../web/src/views/keys';
import { onShortcut, shortcuts } from '../../../web/src/views/shortcuts';

let isTouch = false;

beforeEach(() => {
  isTouch = false;
  vi.stubGlobal('matchMedia', (query: string) => ({ matches: isTouch && query === '(pointer: coarse)' }));
  document.body.innerHTML = '<textarea></textarea><p tabindex="0"></p>';
  addEventListener('keydown', onShortcut);
});

afterEach(() => removeEventListener('keydown', onShortcut));

/** True if the page takes the key for itself. */
function isTaken(selector: string, key: string, code: string): boolean {
  const event = new KeyboardEvent('keydown', { key, code, altKey: true, bubbles: true, cancelable: true });
  document.querySelector(selector)!.dispatchEvent(event);
  return event.defaultPrevented;
}

describe('Alt with a letter', () => {
  test.each([
    ['ń', 'KeyN'],
    ['®', 'KeyR'],
    ['ć', 'KeyC'],
    ['∫', 'KeyB'],
    ['†', 'KeyT'],
    ['Dead', 'KeyN'],
  ])('writes %s for who writes, and is a shortcut elsewhere', (key, code) => {
    expect(isTaken('textarea', key, code)).toBe(false);
    expect(isTaken('p', key, code)).toBe(true);
  });

  test('is a shortcut wherever it writes nothing else', () => {
    for (const selector of ['textarea', 'p']) {
      expect(isTaken(selector, 't', 'KeyT')).toBe(true);
      expect(isTaken(selector, 'T', 'KeyT')).toBe(true);
      // The letter counts, not its place.
      expect(isTaken(selector, 't', 'KeyK')).toBe(true);
      expect(isTaken(selector, 'x', 'KeyT')).toBe(false);
    }
  });
});

describe('Enter', () => {
  const press = (fields: KeyboardEventInit = {}) => sendsText(new KeyboardEvent('keydown', { key: 'Enter', ...fields }));

  test('sends, with Shift it begins a line', () => {
    expect([press(), press({ shiftKey: true }), press({ isComposing: true })]).toEqual([true, false, false]);
    expect(shortcuts().slice(0, 2).map(({ keys, does }) => [...keys, does])).toEqual([['Enter', 'Send'], ['Shift', 'Enter', 'New line']]);
  });

  test('begins a line on a touch screen; with Ctrl it sends', () => {
    isTouch = true;
    expect([press(), press({ shiftKey: true }), press({ ctrlKey: true }), press({ metaKey: true })]).toEqual([false, false, true, true]);
    expect(shortcuts().slice(0, 2).map(({ keys, does }) => [...keys, does])).toEqual([['Ctrl', 'Enter', 'Send'], ['Enter', 'New line']]);
  });
});
