// Conversations as the page keeps them. Plain data: it goes into IndexedDB and into exported files.
import type { Failure } from '../api/errors';

/** A text that goes in front of the question. */
export interface Attachment {
  id: string;
  name: string;
  text: string;
  /** Null until the server has counted, or if it cannot. */
  tokens: number | null;
}

/** What an answer cost. Null: the server did not say and the page could not measure. */
export interface Meter {
  promptTokens: number | null;
  cachedTokens: number | null;
  completionTokens: number | null;
  reasoningTokens: number | null;
  timeToFirstTokenMs: number | null;
  decodeTokensPerS: number | null;
  /** Share of the context that attention read, 0 to 1. */
  contextShareRead: number | null;
  costUsd: number | null;
  costWithoutCacheUsd: number | null;
}

export type AnswerState = 'streaming' | 'done' | 'cut' | 'stopped' | 'failed';

interface MessageBase {
  id: string;
  conversationId: string;
  /** The message before; null for the first. Several messages with one parent are branches. */
  parentId: string | null;
  createdAt: number;
  content: string;
}

export interface UserMessage extends MessageBase {
  role: 'user';
  attachments: Attachment[];
}

export interface AssistantMessage extends MessageBase {
  role: 'assistant';
  reasoning: string;
  reasoningMs: number | null;
  model: string;
  attention: 'dense' | 'sparse' | null;
  state: AnswerState;
  meter: Meter | null;
  failure: Failure | null;
}

export type Message = UserMessage | AssistantMessage;

/** How documents reach the model: see prompt.ts. */
export type DocumentForm = 'auto' | 'named' | 'system';

export interface ChatSettings {
  /** Empty: the first model of the server. */
  model: string;
  thinking: boolean;
  system: string;
  /** Null: the server's default. */
  temperature: number | null;
  topP: number | null;
  maxTokens: number | null;
  frequencyPenalty: number | null;
  presencePenalty: number | null;
  stop: string[];
  documents: DocumentForm;
}

export type NumberSetting = 'temperature' | 'topP' | 'maxTokens' | 'frequencyPenalty' | 'presencePenalty';

/** What the server takes, and the step between two values of a field. */
export const settingRanges: Record<NumberSetting, { min: number; max: number; step: number }> = {
  temperature: { min: 0, max: 2, step: 0.1 },
  topP: { min: 0.01, max: 1, step: 0.01 },
  maxTokens: { min: 1, max: 65536, step: 1 },
  frequencyPenalty: { min: -2, max: 2, step: 0.1 },
  presencePenalty: { min: -2, max: 2, step: 0.1 },
};
export const maxStopTexts = 16;

export interface Conversation {
  id: string;
  title: string;
  createdAt: number;
  updatedAt: number;
  settings: ChatSettings;
  /** Which branch is shown: parent id (`root` for the first message) -> child id. */
  selected: Record<string, string>;
}

export const defaultSettings: ChatSettings = {
  model: '',
  thinking: false,
  system: '',
  temperature: null,
  topP: null,
  maxTokens: null,
  frequencyPenalty: null,
  presencePenalty: null,
  stop: [],
  documents: 'auto',
};
