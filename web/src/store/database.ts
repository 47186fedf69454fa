// The tables in IndexedDB.
import { openDB, type DBSchema, type IDBPDatabase } from 'idb';
import type { Conversation, Message } from '../chat/types';

export interface LevinSchema extends DBSchema {
  conversations: { key: string; value: Conversation; indexes: { updatedAt: number } };
  messages: { key: string; value: Message; indexes: { conversationId: string } };
}

export type Database = IDBPDatabase<LevinSchema>;

/** Opens the database, making its tables at the first visit. `onLost`: the browser has closed it. */
export function openDatabase(name = 'levin', onLost: () => void = () => {}): Promise<Database> {
  return openDB<LevinSchema>(name, 1, {
    upgrade(database) {
      const conversations = database.createObjectStore('conversations', { keyPath: 'id' });
      conversations.createIndex('updatedAt', 'updatedAt');
      const messages = database.createObjectStore('messages', { keyPath: 'id' });
      messages.createIndex('conversationId', 'conversationId');
    },
    terminated: onLost,
  });
}
