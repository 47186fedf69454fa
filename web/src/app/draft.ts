// Actions on what is being written: documents dropped in, pasted or chosen.
import { readDocument } from '../chat/documents';
import type { Attachment } from '../chat/types';
import { send } from './chat';
import { tryCountTokens } from './server';
import { draftDocuments, draftText, notify, streamingId, type DraftDocument } from './state';

/** By document: ends the count that the server makes of it. */
const counting = new Map<string, AbortController>();

function change(id: string, fields: Partial<DraftDocument>): void {
  draftDocuments.value = draftDocuments.value.map((document) =>
    document.id === id ? { ...document, ...fields } : document,
  );
}

/** Puts a document into the draft and asks the server how long it is. */
export async function addDocument(document: Attachment): Promise<void> {
  draftDocuments.value = [...draftDocuments.value, { ...document, isCounting: true }];
  const abort = new AbortController();
  counting.set(document.id, abort);
  const tokens = await tryCountTokens(document.text, abort.signal);
  counting.delete(document.id);
  change(document.id, { tokens, isCounting: false });
}

export async function addFiles(files: readonly File[]): Promise<void> {
  for (const file of files) {
    try {
      void addDocument(await readDocument(file));
    } catch (error) {
      notify(error instanceof Error ? error.message : String(error), true);
    }
  }
}

export function removeDocument(id: string): void {
  counting.get(id)?.abort();
  draftDocuments.value = draftDocuments.value.filter((document) => document.id !== id);
}

/** Sends the draft, if there is something and no answer is under way. */
export function sendDraft(): void {
  const text = draftText.value.trim();
  const documents = draftDocuments.value;
  if ((text === '' && documents.length === 0) || streamingId.value !== null) return;
  draftText.value = '';
  for (const { id } of documents) removeDocument(id);
  void send(text, documents.map(({ id, name, text: content, tokens }) => ({ id, name, text: content, tokens })));
}
