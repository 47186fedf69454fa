// Conversations of a file, field by field: a file may hold anything. What a conversation cannot be
// without is an error; any other field that does not fit is as if it were not there.
import type { Failure, FailureAction } from '../api/errors';
import { newId } from '../chat/ids';
import { defaultSettings, maxStopTexts, settingRanges, type AnswerState, type Attachment, type ChatSettings, type Conversation, type Message, type Meter, type NumberSetting } from '../chat/types';

/** A sentence for the user about a file that cannot be imported. */
export class ImportError extends Error {}

export type Fields = Record<string, unknown>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string') throw new ImportError(`"${key}" is missing or not a text.`);
  return value;
}

function textOr<T>(fields: Fields, key: string, otherwise: T): string | T {
  const value = fields[key];
  return typeof value === 'string' ? value : otherwise;
}

/** A number within the bounds, or null; in JSON a number may be infinite. */
function figure(fields: Fields, key: string, min = 0, max = Number.MAX_VALUE): number | null {
  const value = fields[key];
  return typeof value === 'number' && value >= min && value <= max ? value : null;
}

function oneOf<T extends string, U>(fields: Fields, key: string, known: Record<T, true>, otherwise: U): T | U {
  const value = fields[key];
  return typeof value === 'string' && Object.hasOwn(known, value) ? (value as T) : otherwise;
}

// As records, so that the compiler misses none.
const states: Record<AnswerState, true> = { streaming: true, done: true, cut: true, stopped: true, failed: true };
const actions: Record<FailureAction, true> = { 'sign-in': true, balance: true, retry: true, shorten: true, 'shorten-or-lower': true, settings: true, none: true };
const documentForms: Record<ChatSettings['documents'], true> = { auto: true, named: true, system: true };
const attentions = { dense: true, sparse: true } as const;

function time(fields: Fields, key: string): number {
  return figure(fields, key, -Number.MAX_VALUE) ?? Date.now();
}

function readSettings(value: unknown): ChatSettings {
  if (!isFields(value)) return defaultSettings;
  const stop = Array.isArray(value['stop']) ? value['stop'] : [];
  const number = (key: NumberSetting) => figure(value, key, settingRanges[key].min, settingRanges[key].max);
  return {
    model: textOr(value, 'model', defaultSettings.model),
    thinking: value['thinking'] === true,
    system: textOr(value, 'system', defaultSettings.system),
    temperature: number('temperature'),
    topP: number('topP'),
    maxTokens: number('maxTokens'),
    frequencyPenalty: number('frequencyPenalty'),
    presencePenalty: number('presencePenalty'),
    stop: stop.filter((part): part is string => typeof part === 'string' && part !== '').slice(0, maxStopTexts),
    documents: oneOf(value, 'documents', documentForms, defaultSettings.documents),
  };
}

function readAttachment(value: unknown): Attachment {
  if (!isFields(value)) throw new ImportError('An attachment is not an object.');
  return { id: newId(), name: text(value, 'name'), text: text(value, 'text'), tokens: figure(value, 'tokens') };
}

function readMeter(value: unknown): Meter | null {
  if (!isFields(value)) return null;
  return {
    promptTokens: figure(value, 'promptTokens'),
    cachedTokens: figure(value, 'cachedTokens'),
    completionTokens: figure(value, 'completionTokens'),
    reasoningTokens: figure(value, 'reasoningTokens'),
    timeToFirstTokenMs: figure(value, 'timeToFirstTokenMs'),
    decodeTokensPerS: figure(value, 'decodeTokensPerS'),
    contextShareRead: figure(value, 'contextShareRead'),
    costUsd: figure(value, 'costUsd'),
    costWithoutCacheUsd: figure(value, 'costWithoutCacheUsd'),
  };
}

function readFailure(value: unknown): Failure | null {
  if (!isFields(value)) return null;
  const status = figure(value, 'status');
  const title = textOr(value, 'title', null);
  const detail = textOr(value, 'detail', null);
  const action = oneOf(value, 'action', actions, null);
  if (status === null || title === null || detail === null || action === null) return null;
  return { status, title, detail, action, retryAt: figure(value, 'retryAt'), requestId: textOr(value, 'requestId', null) };
}

type Ids = ReadonlyMap<string, string>;

function readMessage(fields: Fields, conversationId: string, ids: Ids): Message {
  const base = {
    id: ids.get(text(fields, 'id')) ?? newId(),
    conversationId,
    parentId: ids.get(textOr(fields, 'parentId', '')) ?? null,
    createdAt: time(fields, 'createdAt'),
    content: text(fields, 'content'),
  };
  if (fields['role'] === 'user') {
    const attachments = Array.isArray(fields['attachments']) ? fields['attachments'] : [];
    return { ...base, role: 'user', attachments: attachments.map(readAttachment) };
  }
  if (fields['role'] !== 'assistant') throw new ImportError('A message has an unknown role.');
  const state = oneOf(fields, 'state', states, 'done');
  return {
    ...base,
    role: 'assistant',
    reasoning: textOr(fields, 'reasoning', ''),
    reasoningMs: figure(fields, 'reasoningMs'),
    model: textOr(fields, 'model', ''),
    attention: oneOf(fields, 'attention', attentions, null),
    // Nothing brings the rest of an answer that was under way when it was exported.
    state: state === 'streaming' ? 'stopped' : state,
    meter: readMeter(fields['meter']),
    failure: readFailure(fields['failure']),
  };
}

function readSelected(value: unknown, ids: Ids): Record<string, string> {
  const selected: Record<string, string> = {};
  for (const [parent, child] of Object.entries(isFields(value) ? value : {})) {
    const parentId = parent === 'root' ? parent : ids.get(parent);
    const childId = typeof child === 'string' ? ids.get(child) : undefined;
    if (parentId !== undefined && childId !== undefined) selected[parentId] = childId;
  }
  return selected;
}

/** Throws ImportError. Ids are made anew, so that an import never overwrites what is there. */
export function readConversation(entry: unknown): { conversation: Conversation; messages: Message[] } {
  if (!isFields(entry) || !isFields(entry['conversation']) || !Array.isArray(entry['messages'])) {
    throw new ImportError('A conversation lacks its messages.');
  }
  const fields = entry['conversation'];
  const id = newId();
  const messages = entry['messages'].filter(isFields);
  const ids = new Map(messages.map((message) => [text(message, 'id'), newId()]));
  const conversation: Conversation = {
    id,
    title: text(fields, 'title'),
    createdAt: time(fields, 'createdAt'),
    updatedAt: time(fields, 'updatedAt'),
    settings: readSettings(fields['settings']),
    selected: readSelected(fields['selected'], ids),
  };
  return { conversation, messages: messages.map((message) => readMessage(message, id, ids)) };
}
