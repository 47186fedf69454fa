// Conversations in IndexedDB.
import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test } from 'vitest';
import { listConversations, loadMessages, remove, save, search, StoreError } from '../../../web/src/store/conversations';
import { openDatabase, type Database } from '../../../web/src/store/database';
import { assistant, conversation, document, user } from './builders';

let database: Database;
let count = 0;

beforeEach(async () => {
  database = await openDatabase(`test-${++count}`);
});

const messages = [user('q', null, 'What is lightning?', 1, [document('sky.txt', 'Clouds.')]), assistant('a', 'q', 'A **discharge**.')];

describe('conversations', () => {
  test('come back as they were, the one used last first', async () => {
    await save(database, [conversation('old', 'Old', 1), conversation('c', 'New', 5)], messages);
    expect((await listConversations(database)).map((entry) => entry.title)).toEqual(['New', 'Old']);
    expect(await loadMessages(database, 'c')).toEqual(expect.arrayContaining(messages));
    expect(await loadMessages(database, 'old')).toEqual([]);
  });

  test('a saved message replaces its older self', async () => {
    await save(database, [conversation()], messages);
    await save(database, [conversation()], [assistant('a', 'q', 'More.')]);
    const loaded = await loadMessages(database, 'c');
    expect(loaded).toHaveLength(2);
    expect(loaded.map((message) => message.content)).toContain('More.');
  });

  test('deleting one leaves nothing of it and everything of the others', async () => {
    await save(database, [conversation(), conversation('other', 'Other')], messages);
    await remove(database, 'c');
    expect(await database.count('messages')).toBe(0);
    expect((await listConversations(database)).map((entry) => entry.id)).toEqual(['other']);
  });

  test('a search looks for every word in titles, texts and names of documents', async () => {
    await save(database, [conversation('c', 'Weather'), conversation('other', 'Cooking')], messages);
    expect(await search(database, 'weather DISCHARGE')).toEqual(new Set(['c']));
    expect(await search(database, 'sky.txt')).toEqual(new Set(['c']));
    expect(await search(database, 'weather cooking')).toEqual(new Set());
  });

  test('a full disk becomes a sentence', async () => {
    const full = { transaction: () => { throw new DOMException('full', 'QuotaExceededError'); } } as unknown as Database;
    await expect(save(full, [conversation()], [])).rejects.toThrow(StoreError);
    await expect(save(full, [conversation()], [])).rejects.toThrow(/no more room/);
  });
});
