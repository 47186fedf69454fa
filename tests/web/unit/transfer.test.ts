// Conversations as files.
import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test } from 'vitest';
import type { AssistantMessage, Conversation, Message } from '../../../web/src/chat/types';
import { listConversations, loadMessages, save } from '../../../web/src/store/conversations';
import { openDatabase, type Database } from '../../../web/src/store/database';
import { exportConversations, importConversations } from '../../../web/src/store/transfer';
import { Unsaved } from '../../../web/src/store/unsaved';
import { assistant, conversation, document, user } from './builders';

let database: Database;
let count = 0;

beforeEach(async () => {
  database = await openDatabase(`test-transfer-${++count}`);
});

const messages = [user('q', null, 'What is lightning?', 1, [document('sky.txt', 'Clouds.')]), assistant('a', 'q', 'A **discharge**.')];

describe('export and import', () => {
  test('a file brings everything back under new ids', async () => {
    await save(database, [conversation()], messages);
    const json = await exportConversations(database);
    expect(await importConversations(database, json)).toBe(1);
    const list = await listConversations(database);
    expect(list).toHaveLength(2);
    const copy = list.find((entry) => entry.id !== 'c');
    const copied = await loadMessages(database, copy?.id ?? '');
    const question = copied.find((message) => message.role === 'user');
    const answer = copied.find((message) => message.role === 'assistant');
    expect(answer?.parentId).toBe(question?.id);
    expect(answer?.content).toBe('A **discharge**.');
    expect(question?.role === 'user' && question.attachments[0]?.text).toBe('Clouds.');
    expect(question?.id).not.toBe('q');
  });

  test('one conversation may be exported alone', async () => {
    await save(database, [conversation(), conversation('other', 'Other')], messages);
    const file = JSON.parse(await exportConversations(database, 'other')) as { conversations: unknown[] };
    expect(file.conversations).toHaveLength(1);
  });

  test('what the browser could not store is in the file', async () => {
    await save(database, [conversation('other', 'Other')], []);
    const unsaved = new Unsaved();
    unsaved.add(conversation(), messages);
    const json = await exportConversations(database, 'c', unsaved);
    expect(await importConversations(database, json)).toBe(1);
    expect(await database.count('messages')).toBe(2);
  });

  test('where the browser opens no store the file has what this page holds', async () => {
    const unsaved = new Unsaved();
    unsaved.add(conversation(), messages);
    const json = await exportConversations(null, undefined, unsaved);
    expect(await importConversations(database, json)).toBe(1);
    expect(await database.count('messages')).toBe(2);
  });

  test.each([
    ['{', 'This file is not JSON.'],
    ['[]', 'This file was not exported from this page.'],
    ['{"format":"levin-conversations","version":9,"conversations":[]}', 'This file has version 9; this page reads 1.'],
    ['{"format":"levin-conversations","version":1,"conversations":[{}]}', 'A conversation lacks its messages.'],
    ['{"format":"levin-conversations","version":1,"conversations":[{"conversation":{"title":"x"},"messages":[{"id":"a","role":"robot","content":""}]}]}', 'A message has an unknown role.'],
    ['{"format":"levin-conversations","version":1,"conversations":[{"conversation":{},"messages":[]}]}', '"title" is missing or not a text.'],
  ])('refuses %j', async (json, sentence) => {
    await expect(importConversations(database, json)).rejects.toThrow(sentence);
    expect(await listConversations(database)).toEqual([]);
  });
});

interface Stored {
  conversation: Conversation;
  messages: Message[];
}

/** What a conversation holds, with the texts of its messages in place of their ids. */
function withoutIds({ conversation: stored, messages }: Stored): unknown {
  const names = new Map(messages.map((message) => [message.id, message.content]));
  const name = (id: string) => names.get(id) ?? id;
  return {
    ...stored,
    id: '',
    selected: Object.fromEntries(Object.entries(stored.selected).map(([key, id]) => [name(key), name(id)])),
    messages: messages
      .map((message) => ({
        ...message,
        id: '',
        conversationId: '',
        parentId: message.parentId && name(message.parentId),
        ...(message.role === 'user' ? { attachments: message.attachments.map((entry) => ({ ...entry, id: '' })) } : {}),
      }))
      .sort((a, b) => a.content.localeCompare(b.content)),
  };
}

/** The only conversation that was not there before. */
async function imported(json: string): Promise<Stored> {
  const before = new Set((await listConversations(database)).map((entry) => entry.id));
  await importConversations(database, json);
  const added = (await listConversations(database)).filter((entry) => !before.has(entry.id));
  expect(added).toHaveLength(1);
  const [only] = added as [Conversation];
  return { conversation: only, messages: await loadMessages(database, only.id) };
}

const failure = { status: 429, title: 'The server is busy.', detail: 'Full.', action: 'retry', retryAt: 9000, requestId: 'req-1' } as const;
const meter = {
  promptTokens: 128,
  cachedTokens: 64,
  completionTokens: 3,
  reasoningTokens: 1,
  timeToFirstTokenMs: 40,
  decodeTokensPerS: 7.5,
  contextShareRead: 0.5,
  costUsd: 2.8e-7,
  costWithoutCacheUsd: 0.00001,
};

describe('a round trip', () => {
  const full: Stored = {
    conversation: {
      id: 'c',
      title: 'Weather',
      createdAt: 11,
      updatedAt: 12,
      settings: {
        model: 'mini-dense',
        thinking: true,
        system: 'Be brief.',
        temperature: 0.5,
        topP: 0.9,
        maxTokens: 24,
        frequencyPenalty: -0.5,
        presencePenalty: 1,
        stop: ['END', '.'],
        documents: 'named',
      },
      selected: { root: 'q', q: 'a1', a1: 'q2' },
    },
    messages: [
      user('q', null, 'Why?', 1, [{ ...document('sky.txt', 'Clouds.'), tokens: 3 }]),
      { ...assistant('a1', 'q', 'Because.', 2), reasoning: 'Hm.', reasoningMs: 12.5, attention: 'dense', meter },
      { ...assistant('a2', 'q', 'Half', 3), state: 'stopped' },
      user('q2', 'a1', 'Really?', 4),
      { ...assistant('a3', 'q2', '', 5), state: 'failed', failure },
      { ...assistant('a4', 'q2', 'Cut', 6), state: 'cut' },
    ],
  };

  test('gives back the same conversation, except for its ids', async () => {
    await save(database, [full.conversation], full.messages);
    const copy = await imported(await exportConversations(database));
    expect(withoutIds(copy)).toEqual(withoutIds(full));
    const ids = new Set(full.messages.map((message) => message.id));
    expect(copy.messages.filter((message) => ids.has(message.id))).toEqual([]);
  });

  test('an answer that was still coming is stopped', async () => {
    await save(database, [conversation()], [user('q', null, 'Why?'), { ...assistant('a', 'q', 'Half'), state: 'streaming' }]);
    const { messages: copied } = await imported(await exportConversations(database));
    expect(copied.find((message) => message.role === 'assistant')).toMatchObject({ state: 'stopped' });
  });
});

describe('what a file should not hold is left out', () => {
  const answerWith = (fields: Record<string, unknown>) => fileWith({}, { ...assistant('a', 'q', 'Yes.'), ...fields });

  /** A file whose fields may be anything. */
  function fileWith(fields: Record<string, unknown>, answer: unknown = assistant('a', 'q', 'Yes.')): string {
    const entry = { conversation: { ...conversation(), ...fields }, messages: [user('q', null, 'Why?'), answer] };
    // JSON has no infinity, but a number may be too large for anything else.
    return JSON.stringify({ format: 'levin-conversations', version: 1, conversations: [entry] }).replaceAll('"huge"', '1e999');
  }

  test.each([
    [{ model: 1, thinking: 'yes', system: null, documents: 'above' }],
    [{ temperature: 2.5, topP: 0, maxTokens: '9', frequencyPenalty: 'huge', presencePenalty: -3 }],
    [{ stop: 'END' }],
    [{ stop: [1, '', null, {}] }],
    ['none'],
  ])('settings %j', async (settings) => {
    const { conversation: copy } = await imported(fileWith({ settings }));
    expect(copy.settings).toEqual(conversation().settings);
  });

  test('more settings and stop texts than there are', async () => {
    const stop = Array.from({ length: 40 }, (_, index) => `s${index}`);
    const { conversation: copy } = await imported(fileWith({ settings: { stop, colour: 'red' } }));
    expect(copy.settings).toEqual({ ...conversation().settings, stop: stop.slice(0, 16) });
  });

  test.each([[{ root: 'nobody', nobody: 'a', q: 7, ['__proto__']: 'a' }], [['q']], [null]])('choices of branches %j', async (selected) => {
    expect((await imported(fileWith({ selected }))).conversation.selected).toEqual({});
  });

  test.each<[Record<string, unknown>, Partial<AssistantMessage>]>([
    [{ state: 'asleep' }, { state: 'done' }],
    [{ attention: 'wide', model: null }, { attention: null, model: '' }],
    [{ reasoning: 3, reasoningMs: 'huge' }, { reasoning: '', reasoningMs: null }],
    [{ meter: { ...meter, costUsd: -1e30, promptTokens: 'huge' } }, { meter: { ...meter, costUsd: null, promptTokens: null } }],
    [{ failure: 'bad' }, { failure: null }],
    [{ failure: { ...failure, action: 'run' } }, { failure: null }],
    [{ failure: { ...failure, title: {} } }, { failure: null }],
    [{ failure: { ...failure, status: '429' } }, { failure: null }],
    [{ failure: { ...failure, retryAt: 'huge', requestId: 5, link: 'x' } }, { failure: { ...failure, retryAt: null, requestId: null } }],
  ])('of an answer %j', async (fields, expected) => {
    const { messages: copied } = await imported(answerWith(fields));
    expect(copied.find((message) => message.role === 'assistant')).toEqual({
      ...assistant(expect.any(String) as string, expect.any(String) as string, 'Yes.'),
      conversationId: expect.any(String) as string,
      ...expected,
    });
  });
});
