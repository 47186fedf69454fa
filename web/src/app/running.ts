// The answers that are under way, and how they are stopped.
import type { AssistantMessage } from '../chat/types';

interface Running {
  conversationId: string;
  abort: AbortController;
}

const running = new Map<string, Running>();

/** From now on the answer can be stopped, also before its request is made. */
export function begin(answer: AssistantMessage): AbortSignal {
  const abort = new AbortController();
  running.set(answer.id, { conversationId: answer.conversationId, abort });
  return abort.signal;
}

export function end(id: string): void {
  running.delete(id);
}

export function stop(id: string): void {
  running.get(id)?.abort.abort();
}

export function runningIds(): string[] {
  return [...running.keys()];
}

/** Stops every answer whose conversation does not satisfy `exists`: nobody will see it. */
export function stopOrphans(exists: (conversationId: string) => boolean): void {
  for (const { conversationId, abort } of running.values()) {
    if (!exists(conversationId)) abort.abort();
  }
}
