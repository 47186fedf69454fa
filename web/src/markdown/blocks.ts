// Where the top-level blocks of a Markdown text begin.
import type { Token } from 'markdown-it';
import { markdown, type Environment } from './render';

export interface Block {
  tokens: Token[];
  /** Offset of its first line in the text. */
  start: number;
}

function lineOffsets(text: string): number[] {
  const offsets = [0];
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1);
  return offsets;
}

/** markdown-it also ends lines at a lone CR, which would shift the offsets. */
export function normalizeLines(text: string): string {
  return text.includes('\r') ? text.replace(/\r\n?/g, '\n') : text;
}

/** `text` must have been through normalizeLines. Link definitions end up in `environment`. */
export function splitBlocks(text: string, environment: Environment): Block[] {
  const offsets = lineOffsets(text);
  const blocks: Block[] = [];
  for (const token of markdown.parse(text, environment)) {
    const opensBlock = token.level === 0 && token.nesting >= 0 && token.map !== null;
    if (opensBlock) blocks.push({ tokens: [], start: offsets[token.map?.[0] ?? 0] ?? 0 });
    blocks.at(-1)?.tokens.push(token);
  }
  return blocks;
}

/**
 * The block from which on a growing text may still change: the last one; or the one before, as long
 * as the last has not filled a line, because `2` after a list may become its next item `2.`.
 */
export function firstOpenBlock(text: string, blocks: readonly Block[]): number {
  const last = blocks.at(-1);
  if (!last) return 0;
  const hasFullLine = text.indexOf('\n', last.start) >= 0;
  return Math.max(0, blocks.length - (hasFullLine ? 1 : 2));
}
