// Other tabs of this page show the same conversations: they hear what changes, which answers come in
// this tab, and that one shall stop.
import { runningIds, stop } from './running';

type Word =
  | { kind: 'changed'; conversationId: string | null }
  | { kind: 'who answers' }
  | { kind: 'answering'; ids: string[] }
  | { kind: 'stop'; id: string };

/** A tab says at once what it answers, unless the browser has put it to sleep. */
const patienceMs = 250;

const channel = 'BroadcastChannel' in globalThis ? new BroadcastChannel('levin') : null;
let onAnswering: (ids: string[]) => void = () => {};

function say(word: Word): void {
  channel?.postMessage(word);
}

/** Calls `onChanged` with what another tab has changed: a conversation, or null for several. */
export function listenToTabs(onChanged: (conversationId: string | null) => void): void {
  if (!channel) return;
  channel.onmessage = ({ data: word }: MessageEvent<Word>) => {
    if (word.kind === 'changed') onChanged(word.conversationId);
    else if (word.kind === 'who answers') say({ kind: 'answering', ids: runningIds() });
    else if (word.kind === 'answering') onAnswering(word.ids);
    else stop(word.id);
  };
}

export function tellChanged(conversationId: string | null): void {
  say({ kind: 'changed', conversationId });
}

let asked: Promise<ReadonlySet<string>> | null = null;

async function ask(): Promise<ReadonlySet<string>> {
  const heard = new Set<string>();
  onAnswering = (ids) => ids.forEach((id) => heard.add(id));
  say({ kind: 'who answers' });
  await new Promise((resolve) => setTimeout(resolve, patienceMs));
  asked = null;
  return heard;
}

/** The answers that come in other tabs. */
export function answeringElsewhere(): Promise<ReadonlySet<string>> {
  asked ??= ask();
  return asked;
}

/** Stops an answer, whichever tab it comes in. */
export function stopAnywhere(id: string): void {
  stop(id);
  say({ kind: 'stop', id });
}
