// Keyboard shortcuts: what the help lists, and what happens.
import { regenerate } from '../app/chat';
import { show } from '../app/library';
import { dialog, drawerOpen, live, path, sidebarOpen, streamingId } from '../app/state';
import { stopAnywhere } from '../app/tabs';
import { copy } from './clipboard';
import { toggleSidebar, toggleTheme } from './header';
import { isComposing } from './keys';

export const shortcuts: readonly { keys: string[]; does: string }[] = [
  { keys: ['Enter'], does: 'Send' },
  { keys: ['Shift', 'Enter'], does: 'New line' },
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
  KeyN: () => {
    void show(null).then(() => document.getElementById('composer')?.focus());
  },
  KeyR: () => {
    const answer = lastAnswer();
    if (answer && streamingId.value === null) void regenerate(answer);
  },
  KeyC: () => {
    const answer = lastAnswer();
    const text = answer ? (live.value.get(answer.id)?.content ?? answer.content) : '';
    if (text !== '') void copy(text);
  },
  KeyB: toggleSidebar,
  KeyT: toggleTheme,
};

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select') !== null;
}

function actionOf(event: KeyboardEvent): (() => void) | undefined {
  const hasControl = event.ctrlKey || event.metaKey;
  if (event.altKey && !hasControl) return altActions[event.code];
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
