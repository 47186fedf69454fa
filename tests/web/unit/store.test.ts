// Conversations in IndexedDB.
import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test } from 'vitest';
import { listConversations, loadMessages, remove, save, search, StoreError } from '../../../web/src/store/conversations';
import { openDatabase, type Database } from '../../../web/src/store/database';
import { Unsaved } from '../../../web/src/store/unsaved';
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

describe('what is not stored yet', () => {
  const [question, answer] = messages as [(typeof messages)[0], (typeof messages)[0]];

  test('stands before what is stored', () => {
    const unsaved = new Unsaved();
    unsaved.add(conversation('c', 'New', 5), [assistant('a', 'q', 'More.')]);
    expect(unsaved.listed([conversation('other', 'Other', 3), conversation()]).map(({ title }) => title)).toEqual(['New', 'Other']);
    expect(unsaved.messagesOf('c', messages).map(({ content }) => content)).toEqual([question.content, 'More.']);
    expect(unsaved.messagesOf('other', messages)).toEqual(messages);
  });

  test('is known until it is stored, and what came after until that is', () => {
    const unsaved = new Unsaved();
    unsaved.add(conversation(), [question]);
    unsaved.add(conversation(), [answer]);
    const written = unsaved.get('c')!;
    const newer = assistant('a', 'q', 'More.');
    unsaved.add(conversation(), [newer]);
    unsaved.settle(written);
    expect([...unsaved.get('c')!.messages.values()]).toEqual([newer]);
    unsaved.settle(unsaved.get('c')!);
    expect(unsaved.ids()).toEqual([]);
  });

  test('what is being deleted is listed no more', () => {
    const unsaved = new Unsaved();
    unsaved.add(conversation(), messages);
    unsaved.beginRemoval('c');
    expect([unsaved.listed([conversation()]), unsaved.ids()]).toEqual([[], []]);
    unsaved.endRemoval('c');
    expect(unsaved.listed([conversation()])).toHaveLength(1);
  });
});
