// What the store does not hold yet: it is being written, or the browser refused it. Whatever is read
// from the store in the meantime is older.
import type { Conversation, Message } from '../chat/types';

/** A conversation with those of its messages that changed. */
export interface Change {
  readonly conversation: Conversation;
  readonly messages: ReadonlyMap<string, Message>;
}

export class Unsaved {
  private readonly changes = new Map<string, Change>();
  private readonly removed = new Set<string>();

  add(conversation: Conversation, messages: readonly Message[]): void {
    const before = this.changes.get(conversation.id)?.messages ?? [];
    const changed = new Map([...before, ...messages.map((message) => [message.id, message] as const)]);
    this.changes.set(conversation.id, { conversation, messages: changed });
  }

  get(id: string): Change | null {
    return this.changes.get(id) ?? null;
  }

  ids(): string[] {
    return [...this.changes.keys()];
  }

  /** The store holds this change now; what was changed since is not in it. */
  settle(written: Change): void {
    const { id } = written.conversation;
    const change = this.changes.get(id);
    if (!change) return;
    this.changes.delete(id);
    if (change === written) return;
    const newer = [...change.messages.values()].filter((message) => written.messages.get(message.id) !== message);
    this.add(change.conversation, newer);
  }

  beginRemoval(id: string): void {
    this.changes.delete(id);
    this.removed.add(id);
  }

  endRemoval(id: string): void {
    this.removed.delete(id);
  }

  /** The list of the store as it is to be shown, the conversation used last first. */
  listed(stored: readonly Conversation[]): Conversation[] {
    const byId = new Map(stored.map((conversation) => [conversation.id, conversation]));
    for (const [id, { conversation }] of this.changes) byId.set(id, conversation);
    for (const id of this.removed) byId.delete(id);
    return [...byId.values()].sort((a, b) => b.updatedAt - a.updatedAt);
  }

  /** The messages of a conversation, of which the store has these. */
  messagesOf(id: string, stored: readonly Message[]): Message[] {
    const byId = new Map(stored.map((message) => [message.id, message]));
    for (const message of this.changes.get(id)?.messages.values() ?? []) byId.set(message.id, message);
    return [...byId.values()];
  }
}
