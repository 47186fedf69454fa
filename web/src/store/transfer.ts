// Conversations as a JSON file, out and in again.
import { newId } from '../chat/ids';
import { defaultSettings, type Attachment, type AssistantMessage, type Conversation, type Message } from '../chat/types';
import { listConversations, loadMessages, save } from './conversations';
import type { Database } from './database';

const format = 'levin-conversations';
const version = 1;

interface ExportFile {
  format: typeof format;
  version: typeof version;
  conversations: { conversation: Conversation; messages: Message[] }[];
}

/** A sentence for the user about a file that cannot be imported. */
export class ImportError extends Error {}

/** One conversation, or all if no id is given. */
export async function exportConversations(database: Database, id?: string): Promise<string> {
  const all = await listConversations(database);
  const wanted = id === undefined ? all : all.filter((conversation) => conversation.id === id);
  const file: ExportFile = {
    format,
    version,
    conversations: await Promise.all(
      wanted.map(async (conversation) => ({
        conversation,
        messages: await loadMessages(database, conversation.id),
      })),
    ),
  };
  return JSON.stringify(file, null, 1);
}

type Fields = Record<string, unknown>;

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(fields: Fields, key: string): string {
  const value = fields[key];
  if (typeof value !== 'string') throw new ImportError(`"${key}" is missing or not a text.`);
  return value;
}

function time(fields: Fields, key: string): number {
  const value = fields[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : Date.now();
}

function readAttachment(value: unknown): Attachment {
  if (!isFields(value)) throw new ImportError('An attachment is not an object.');
  const tokens = value['tokens'];
  return {
    id: newId(),
    name: text(value, 'name'),
    text: text(value, 'text'),
    tokens: typeof tokens === 'number' ? tokens : null,
  };
}

/** Ids are made anew, so that an import never overwrites what is there. */
function readMessage(fields: Fields, conversationId: string, ids: Map<string, string>): Message {
  const parent = fields['parentId'];
  const base = {
    id: ids.get(text(fields, 'id')) ?? newId(),
    conversationId,
    parentId: typeof parent === 'string' ? (ids.get(parent) ?? null) : null,
    createdAt: time(fields, 'createdAt'),
    content: text(fields, 'content'),
  };
  if (fields['role'] === 'user') {
    const attachments = Array.isArray(fields['attachments']) ? fields['attachments'] : [];
    return { ...base, role: 'user', attachments: attachments.map(readAttachment) };
  }
  if (fields['role'] !== 'assistant') throw new ImportError('A message has an unknown role.');
  const meter = fields['meter'];
  return {
    ...base,
    role: 'assistant',
    reasoning: typeof fields['reasoning'] === 'string' ? fields['reasoning'] : '',
    reasoningMs: typeof fields['reasoningMs'] === 'number' ? fields['reasoningMs'] : null,
    model: typeof fields['model'] === 'string' ? fields['model'] : '',
    attention: null,
    state: fields['state'] === 'cut' ? 'cut' : 'done',
    meter: isFields(meter) ? readMeter(meter) : null,
    failure: null,
  };
}

function readMeter(fields: Fields): NonNullable<AssistantMessage['meter']> {
  const figure = (key: string) => (typeof fields[key] === 'number' ? fields[key] : null);
  return {
    promptTokens: figure('promptTokens'),
    cachedTokens: figure('cachedTokens'),
    completionTokens: figure('completionTokens'),
    reasoningTokens: figure('reasoningTokens'),
    timeToFirstTokenMs: figure('timeToFirstTokenMs'),
    decodeTokensPerS: figure('decodeTokensPerS'),
    contextShareRead: figure('contextShareRead'),
    costUsd: figure('costUsd'),
    costWithoutCacheUsd: figure('costWithoutCacheUsd'),
  };
}

function readConversation(entry: unknown): { conversation: Conversation; messages: Message[] } {
  if (!isFields(entry) || !isFields(entry['conversation']) || !Array.isArray(entry['messages'])) {
    throw new ImportError('A conversation lacks its messages.');
  }
  const fields = entry['conversation'];
  const id = newId();
  const messages = entry['messages'].filter(isFields);
  const ids = new Map(messages.map((message) => [text(message, 'id'), newId()]));
  const settings = isFields(fields['settings']) ? fields['settings'] : {};
  const conversation: Conversation = {
    id,
    title: text(fields, 'title'),
    createdAt: time(fields, 'createdAt'),
    updatedAt: time(fields, 'updatedAt'),
    settings: {
      ...defaultSettings,
      system: typeof settings['system'] === 'string' ? settings['system'] : '',
    },
    selected: {},
  };
  return { conversation, messages: messages.map((message) => readMessage(message, id, ids)) };
}

/** Adds the conversations of an exported file; returns how many. Throws ImportError. */
export async function importConversations(database: Database, json: string): Promise<number> {
  let file: unknown;
  try {
    file = JSON.parse(json);
  } catch {
    throw new ImportError('This file is not JSON.');
  }
  if (!isFields(file) || file['format'] !== format || !Array.isArray(file['conversations'])) {
    throw new ImportError('This file was not exported from this page.');
  }
  if (file['version'] !== version) {
    throw new ImportError(`This file has version ${String(file['version'])}; this page reads 1.`);
  }
  const entries = file['conversations'].map(readConversation);
  await save(
    database,
    entries.map((entry) => entry.conversation),
    entries.flatMap((entry) => entry.messages),
  );
  return entries.length;
}
