// What the page shows, as signals. Only actions (the other files of this folder) write them.
import { computed, signal } from '@preact/signals';
import type { Failure } from '../api/errors';
import type { Balance, ModelInfo } from '../api/types';
import type { Progress } from '../chat/answer';
import { visiblePath } from '../chat/branches';
import type { AssistantMessage, Attachment, ChatSettings, Conversation, Message } from '../chat/types';
import { isApiKeyOnDevice, loadApiKey, loadDefaults, loadSidebarOpen, loadTheme, type Theme } from '../store/preferences';

export type DialogName = 'settings' | 'sign-in' | 'help' | 'data' | null;

/** An answer that is being streamed. */
export interface LiveAnswer {
  content: string;
  reasoning: string;
  progress: Progress | null;
  hasStarted: boolean;
}

export interface Notice {
  id: number;
  text: string;
  isError: boolean;
}

/** A document in the composer, before it is sent. */
export interface DraftDocument extends Attachment {
  isCounting: boolean;
}

export const conversations = signal<Conversation[]>([]);
export const currentId = signal<string | null>(null);
export const messages = signal<Message[]>([]);
/** By message id, for all conversations. */
export const live = signal<ReadonlyMap<string, LiveAnswer>>(new Map());

export const models = signal<ModelInfo[]>([]);
export const balance = signal<Balance | null>(null);
export const serverFailure = signal<Failure | null>(null);
export const apiKey = signal<string | null>(loadApiKey());
export const apiKeyOnDevice = signal(isApiKeyOnDevice());

/** Settings of a chat that has not begun. */
export const draftSettings = signal<ChatSettings>(loadDefaults());
export const draftText = signal('');
export const draftDocuments = signal<DraftDocument[]>([]);

export const theme = signal<Theme>(loadTheme());
export const sidebarOpen = signal(loadSidebarOpen());
export const drawerOpen = signal(false);
export const dialog = signal<DialogName>(null);
export const notices = signal<Notice[]>([]);
export const announcement = signal('');

export const current = computed(
  () => conversations.value.find((conversation) => conversation.id === currentId.value) ?? null,
);
export const settings = computed(() => current.value?.settings ?? draftSettings.value);
export const path = computed(() =>
  current.value ? visiblePath(current.value, messages.value) : [],
);

/** The model that answers under these settings; null before the server has named any. */
export function modelFor(chosen: ChatSettings): ModelInfo | null {
  return models.value.find((candidate) => candidate.id === chosen.model) ?? models.value[0] ?? null;
}

/** The model that answers next. */
export const model = computed(() => modelFor(settings.value));
/** The answer of the shown conversation that is still coming, here or in another tab. */
export const streamingId = computed(
  () => path.value.find((message) => live.value.has(message.id) || isUnfinished(message))?.id ?? null,
);

export function isUnfinished(message: Message): message is AssistantMessage & { state: 'streaming' } {
  return message.role === 'assistant' && message.state === 'streaming';
}

let noticeCount = 0;

/** Shows a sentence for some seconds; an error that comes again while it is shown is not repeated. */
export function notify(text: string, isError = false): void {
  if (isError && notices.value.some((shown) => shown.text === text)) return;
  const notice = { id: ++noticeCount, text, isError };
  notices.value = [...notices.value.slice(-2), notice];
  setTimeout(() => dismiss(notice.id), isError ? 12_000 : 4000);
}

export function dismiss(id: number): void {
  notices.value = notices.value.filter((notice) => notice.id !== id);
}
