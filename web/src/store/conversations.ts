// Reading and writing conversations. Every function is one transaction: all of it or nothing.
import type { Conversation, Message } from '../chat/types';
import type { Database } from './database';

/** A sentence for the user when the browser refuses to store something. */
export class StoreError extends Error {}

function toStoreError(error: unknown): StoreError {
  const name = error instanceof DOMException ? error.name : '';
  if (name === 'QuotaExceededError') {
    return new StoreError(
      'The browser has no more room for conversations. Export them, then delete some.',
    );
  }
  return new StoreError(
    `The browser could not store this conversation (${name || String(error)}). It is lost when the page closes; export it to keep it.`,
  );
}

async function writing<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toStoreError(error);
  }
}

/** All conversations, the one used last first. */
export async function listConversations(database: Database): Promise<Conversation[]> {
  const list = await database.getAllFromIndex('conversations', 'updatedAt');
  return list.reverse();
}

export function loadMessages(database: Database, conversationId: string): Promise<Message[]> {
  return database.getAllFromIndex('messages', 'conversationId', conversationId);
}

/** Stores a conversation with those of its messages that changed. */
export function save(
  database: Database,
  conversations: readonly Conversation[],
  messages: readonly Message[],
): Promise<void> {
  return writing(async () => {
    const transaction = database.transaction(['conversations', 'messages'], 'readwrite');
    const puts: Promise<unknown>[] = conversations.map((conversation) =>
      transaction.objectStore('conversations').put(conversation),
    );
    for (const message of messages) puts.push(transaction.objectStore('messages').put(message));
    await Promise.all([...puts, transaction.done]);
  });
}

export function remove(database: Database, conversationId: string): Promise<void> {
  return writing(async () => {
    const transaction = database.transaction(['conversations', 'messages'], 'readwrite');
    const messages = transaction.objectStore('messages');
    const keys = await messages.index('conversationId').getAllKeys(conversationId);
    await Promise.all([
      transaction.objectStore('conversations').delete(conversationId),
      ...keys.map((key) => messages.delete(key)),
      transaction.done,
    ]);
  });
}

/** Ids of the conversations that hold every word of the query, in the title or any message. */
export async function search(database: Database, query: string): Promise<Set<string>> {
  const words = query.toLowerCase().split(/\s+/).filter(Boolean);
  const texts = new Map<string, string[]>();
  const add = (id: string, text: string) => {
    const known = texts.get(id);
    if (known) known.push(text.toLowerCase());
    else texts.set(id, [text.toLowerCase()]);
  };
  for (const conversation of await database.getAll('conversations')) {
    add(conversation.id, conversation.title);
  }
  let cursor = await database.transaction('messages').store.openCursor();
  while (cursor) {
    const message = cursor.value;
    add(message.conversationId, message.content);
    if (message.role === 'user') {
      for (const document of message.attachments) add(message.conversationId, document.name);
    }
    cursor = await cursor.continue();
  }
  const found = [...texts].filter(([, parts]) =>
    words.every((word) => parts.some((part) => part.includes(word))),
  );
  return new Set(found.map(([id]) => id));
}
