// Other tabs of this page show the same conversations: they hear what changes, which answers come in
// this tab, and that one shall stop.
import { runningIds, stop } from './running';

type Word =
  | { kind: 'changed'; conversationId: string | null }
  | { kind: 'who answers' }
  | { kind: 'answering'; ids: string[] }
  | { kind: 'stop'; id: string };

/** A tab says at once what it answers, unless it is busy or the browser has put it to sleep. */
const patienceMs = 1000;

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('levin') : null;
const onAnswering = new Set<(ids: string[]) => void>();

function say(word: Word): void {
  channel?.postMessage(word);
}

/** Calls `onChanged` with what another tab has changed: a conversation, or null for several. */
export function listenToTabs(onChanged: (conversationId: string | null) => void): void {
  if (!channel) return;
  // Another version of this page may say what this one does not know.
  channel.onmessage = ({ data: word }: MessageEvent<Word>) => {
    if (word.kind === 'changed') onChanged(word.conversationId);
    else if (word.kind === 'who answers') say({ kind: 'answering', ids: runningIds() });
    else if (word.kind === 'answering') onAnswering.forEach((listener) => listener(word.ids));
    else if (word.kind === 'stop') stop(word.id);
  };
}

export function tellChanged(conversationId: string | null): void {
  say({ kind: 'changed', conversationId });
}

/** Those of `ids` that come in other tabs. */
export async function answeringElsewhere(ids: ReadonlySet<string>): Promise<ReadonlySet<string>> {
  const heard = new Set<string>();
  if (!channel) return heard;
  await new Promise<void>((resolve) => {
    const timer = setTimeout(finish, patienceMs);
    function finish() {
      clearTimeout(timer);
      onAnswering.delete(listener);
      resolve();
    }
    function listener(answering: string[]) {
      for (const id of answering) if (ids.has(id)) heard.add(id);
      if (heard.size === ids.size) finish();
    }
    onAnswering.add(listener);
    say({ kind: 'who answers' });
  });
  return heard;
}

/** Stops an answer, whichever tab it comes in. */
export function stopAnywhere(id: string): void {
  stop(id);
  say({ kind: 'stop', id });
}
