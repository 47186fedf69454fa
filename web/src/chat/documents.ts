// Files and pasted texts -> attachments.
import { newId } from './ids';
import type { Attachment } from './types';

/** Larger files are refused: 16 MiB of text are some four million tokens. */
export const maxDocumentBytes = 16 * 1024 * 1024;
/** A pasted text of this length becomes a document. */
export const pastedDocumentChars = 4000;

export class DocumentError extends Error {}

/** UTF-8, or UTF-16 with a byte order mark; null if the bytes are neither. */
export function decodeText(bytes: Uint8Array): string | null {
  const isUtf16 =
    (bytes[0] === 0xff && bytes[1] === 0xfe) || (bytes[0] === 0xfe && bytes[1] === 0xff);
  const encoding = !isUtf16 ? 'utf-8' : bytes[0] === 0xff ? 'utf-16le' : 'utf-16be';
  try {
    const text = new TextDecoder(encoding, { fatal: true }).decode(bytes);
    return text.includes('\0') ? null : text;
  } catch {
    return null;
  }
}

export function makeDocument(name: string, text: string): Attachment {
  return { id: newId(), name, text: text.replaceAll('\r\n', '\n'), tokens: null };
}

/** Throws DocumentError with a sentence for the user. */
export async function readDocument(file: File): Promise<Attachment> {
  if (file.size > maxDocumentBytes) {
    const size = Math.round(file.size / (1024 * 1024));
    throw new DocumentError(`${file.name} has ${size} MB; a document may have at most 16 MB.`);
  }
  let bytes: Uint8Array;
  try {
    bytes = new Uint8Array(await file.arrayBuffer());
  } catch {
    throw new DocumentError(`${file.name} could not be read; is it a folder?`);
  }
  const text = decodeText(bytes);
  if (text === null) {
    throw new DocumentError(
      `${file.name} is not a text file. Levin reads text: txt, md, code, JSON, CSV. Save other formats as text first.`,
    );
  }
  if (text.trim() === '') throw new DocumentError(`${file.name} is empty.`);
  return makeDocument(file.name, text);
}

/** Until the server has counted: four characters make a token, roughly. */
export function estimateTokens(text: string): number {
  return Math.ceil(text.length / 4);
}
