// Conversations as a JSON file, out and in again.
import type { Conversation, Message } from '../chat/types';
import { listConversations, loadMessages, save } from './conversations';
import type { Database } from './database';
import { ImportError, isFields, readConversation } from './imported';
import { Unsaved } from './unsaved';

const format = 'levin-conversations';
const version = 1;

interface ExportFile {
  format: typeof format;
  version: typeof version;
  conversations: { conversation: Conversation; messages: Message[] }[];
}

/**
 * One conversation, or all if no id is given; with what the store does not hold yet, which is
 * everything where the browser opens none.
 */
export async function exportConversations(database: Database | null, id?: string, unsaved = new Unsaved()): Promise<string> {
  const all = unsaved.listed(database === null ? [] : await listConversations(database));
  const wanted = id === undefined ? all : all.filter((conversation) => conversation.id === id);
  const file: ExportFile = {
    format,
    version,
    conversations: await Promise.all(
      wanted.map(async (conversation) => ({
        conversation,
        messages: unsaved.messagesOf(conversation.id, database === null ? [] : await loadMessages(database, conversation.id)),
      })),
    ),
  };
  return JSON.stringify(file, null, 1);
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
