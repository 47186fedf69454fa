// A conversation is a tree: editing or regenerating adds a sibling. One path through it is shown.
import type { Conversation, Message } from './types';

function keyOf(parentId: string | null): string {
  return parentId ?? 'root';
}

/** Messages with the same parent, oldest first. */
export function siblingsOf(messages: readonly Message[], message: Message): Message[] {
  return messages
    .filter((other) => other.parentId === message.parentId)
    .sort((a, b) => a.createdAt - b.createdAt || (a.id < b.id ? -1 : 1));
}

/** The path that is shown: at each fork the selected child, or else the newest. */
export function visiblePath(conversation: Conversation, messages: readonly Message[]): Message[] {
  const children = new Map<string, Message[]>();
  for (const message of messages) {
    const key = keyOf(message.parentId);
    const list = children.get(key);
    if (list) list.push(message);
    else children.set(key, [message]);
  }
  const path: Message[] = [];
  const seen = new Set<string>();
  let key = 'root';
  for (;;) {
    const candidates = children.get(key);
    if (!candidates) return path;
    const wanted = conversation.selected[key];
    const next =
      candidates.find((message) => message.id === wanted) ??
      candidates.reduce((newest, message) =>
        message.createdAt >= newest.createdAt ? message : newest,
      );
    if (seen.has(next.id)) return path;
    seen.add(next.id);
    path.push(next);
    key = next.id;
  }
}

/** The messages before `message`, oldest first. */
export function ancestorsOf(messages: readonly Message[], message: Message): Message[] {
  const byId = new Map(messages.map((other) => [other.id, other]));
  const path: Message[] = [];
  for (let id = message.parentId; id !== null && path.length <= messages.length; ) {
    const parent = byId.get(id);
    if (!parent) break;
    path.unshift(parent);
    id = parent.parentId;
  }
  return path;
}

/** `conversation` with `message` chosen among its siblings. */
export function select(conversation: Conversation, message: Message): Conversation {
  return {
    ...conversation,
    selected: { ...conversation.selected, [keyOf(message.parentId)]: message.id },
  };
}
