// Keyboard shortcuts: what the help lists, and what happens.
import { regenerate } from '../app/chat';
import { show } from '../app/library';
import { dialog, drawerOpen, live, path, sidebarOpen, streamingId } from '../app/state';
import { stopAnywhere } from '../app/tabs';
import { copy } from './clipboard';
import { toggleSidebar, toggleTheme } from './header';
import { hasTouchKeyboard, isComposing } from './keys';

export interface Shortcut {
  keys: string[];
  does: string;
}

const whileWriting: readonly Shortcut[] = [
  { keys: ['Enter'], does: 'Send' },
  { keys: ['Shift', 'Enter'], does: 'New line' },
];

const whileWritingByTouch: readonly Shortcut[] = [
  { keys: ['Ctrl', 'Enter'], does: 'Send' },
  { keys: ['Enter'], does: 'New line' },
];

const everywhere: readonly Shortcut[] = [
  { keys: ['Esc'], does: 'Stop the answer' },
  { keys: ['↑'], does: 'Edit the last message (in an empty field)' },
  { keys: ['/'], does: 'To the message field' },
  { keys: ['Ctrl', 'K'], does: 'Search conversations' },
  { keys: ['Alt', 'N'], does: 'New chat' },
  { keys: ['Alt', 'R'], does: 'Answer again' },
  { keys: ['Alt', 'C'], does: 'Copy the last answer' },
  { keys: ['Alt', 'B'], does: 'Show or hide conversations' },
  { keys: ['Alt', 'T'], does: 'Light, dark or as the system' },
  { keys: ['Ctrl', ','], does: 'Settings' },
  { keys: ['?'], does: 'This help' },
];

export function shortcuts(): readonly Shortcut[] {
  return [...(hasTouchKeyboard() ? whileWritingByTouch : whileWriting), ...everywhere];
}

function lastAnswer() {
  const last = path.value.at(-1);
  return last?.role === 'assistant' ? last : null;
}

function focusSearch(): void {
  const focus = () => document.getElementById('search')?.focus();
  const isNarrow = matchMedia('(max-width: 760px)').matches;
  if (isNarrow ? drawerOpen.value : sidebarOpen.value) return focus();
  toggleSidebar();
  // The sidebar becomes focusable with the next frame.
  requestAnimationFrame(focus);
}

const altActions: Record<string, () => void> = {
  n: () => {
    void show(null).then(() => document.getElementById('composer')?.focus());
  },
  r: () => {
    const answer = lastAnswer();
    if (answer && streamingId.value === null) void regenerate(answer);
  },
  c: () => {
    const answer = lastAnswer();
    const text = answer ? (live.value.get(answer.id)?.content ?? answer.content) : '';
    if (text !== '') void copy(text);
  },
  b: toggleSidebar,
  t: toggleTheme,
};

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select') !== null;
}

/**
 * On a Mac, Alt with a letter writes another character. Who writes gets that; elsewhere the place of the
 * key tells the letter.
 */
function altAction(event: KeyboardEvent): (() => void) | undefined {
  const letter = event.key.toLowerCase();
  if (isTyping(event.target) || /^[a-z]$/.test(letter)) return altActions[letter];
  return altActions[event.code.replace('Key', '').toLowerCase()];
}

function actionOf(event: KeyboardEvent): (() => void) | undefined {
  const hasControl = event.ctrlKey || event.metaKey;
  if (event.altKey && !hasControl) return altAction(event);
  if (hasControl && event.key.toLowerCase() === 'k') return focusSearch;
  if (hasControl && event.key === ',') return () => (dialog.value = 'settings');
  if (hasControl) return undefined;
  if (event.key === 'Escape') {
    const id = streamingId.value;
    if (id !== null) return () => stopAnywhere(id);
    return drawerOpen.value ? () => (drawerOpen.value = false) : undefined;
  }
  if (isTyping(event.target)) return undefined;
  if (event.key === '?') return () => (dialog.value = 'help');
  return event.key === '/' ? () => document.getElementById('composer')?.focus() : undefined;
}

/** Listens on the whole page; an open dialog has the keyboard for itself. */
export function onShortcut(event: KeyboardEvent): void {
  // The page itself is asked: a dialog tells of its end only after the next key may have come.
  if (document.querySelector('dialog[open]') !== null || event.defaultPrevented || isComposing(event)) return;
  const action = actionOf(event);
  if (!action) return;
  event.preventDefault();
  action();
}
