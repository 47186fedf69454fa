// What the page remembers outside of conversations: theme, defaults for new chats, the key.
import { defaultSettings, type ChatSettings } from '../chat/types';

export type Theme = 'auto' | 'light' | 'dark';

const themeKey = 'levin.theme';
const settingsKey = 'levin.settings';
const sidebarKey = 'levin.sidebar';
const apiKeyKey = 'levin.key';

/** A browser may forbid storage; then nothing is remembered and everything still works. */
function read(storage: () => Storage, key: string): string | null {
  try {
    return storage().getItem(key);
  } catch {
    return null;
  }
}

function write(storage: () => Storage, key: string, value: string | null): void {
  try {
    if (value === null) storage().removeItem(key);
    else storage().setItem(key, value);
  } catch {
    // See read.
  }
}

const local = () => localStorage;
const session = () => sessionStorage;

export function loadTheme(): Theme {
  const value = read(local, themeKey);
  return value === 'light' || value === 'dark' ? value : 'auto';
}

export function saveTheme(theme: Theme): void {
  write(local, themeKey, theme === 'auto' ? null : theme);
}

export function loadSidebarOpen(): boolean {
  return read(local, sidebarKey) !== 'closed';
}

export function saveSidebarOpen(isOpen: boolean): void {
  write(local, sidebarKey, isOpen ? null : 'closed');
}

/** The settings that a new chat begins with. */
export function loadDefaults(): ChatSettings {
  try {
    const value: unknown = JSON.parse(read(local, settingsKey) ?? '{}');
    return { ...defaultSettings, ...(typeof value === 'object' ? value : {}) };
  } catch {
    return defaultSettings;
  }
}

export function saveDefaults(settings: ChatSettings): void {
  write(local, settingsKey, JSON.stringify(settings));
}

export function loadApiKey(): string | null {
  return read(session, apiKeyKey) ?? read(local, apiKeyKey);
}

/** Kept until the tab closes, or on this device if asked. */
export function saveApiKey(key: string | null, onDevice: boolean): void {
  write(session, apiKeyKey, key);
  write(local, apiKeyKey, onDevice ? key : null);
}

export function isApiKeyOnDevice(): boolean {
  return read(local, apiKeyKey) !== null;
}
