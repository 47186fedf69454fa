// Actions on the list of conversations. The state is changed first, then the store.
import { batch } from '@preact/signals';
import type { AssistantMessage, ChatSettings, Conversation, Message } from '../chat/types';
import * as store from '../store/conversations';
import { openDatabase, type Database } from '../store/database';
import { saveDefaults } from '../store/preferences';
import { exportConversations, importConversations } from '../store/transfer';
import { Unsaved } from '../store/unsaved';
import { stopOrphans } from './running';
import { conversations, currentId, draftSettings, drawerOpen, isUnfinished, live, messages, notify } from './state';
import { answeringElsewhere, listenToTabs, tellChanged } from './tabs';

/** While an answer comes in another tab, that one is asked this often whether it is still there. */
const askEveryMs = 3000;

let database: Promise<Database> | null = null;
const unsaved = new Unsaved();
/** What is stored changes, here or in another tab: what was read before is out of date. */
let changeCount = 0;

/** Opens the store, again if that failed or the browser closed it, as a phone may at any time. */
function open(): Promise<Database> {
  if (database !== null) return database;
  const opened = openDatabase('levin', () => forget());
  const forget = () => {
    if (database === opened) database = null;
  };
  opened.catch(forget);
  database = opened;
  return opened;
}

async function openOrNull(): Promise<Database | null> {
  try {
    return await open();
  } catch {
    return null;
  }
}

function notifyFailure(error: unknown): void {
  const said = error instanceof store.StoreError ? error.message : `This browser keeps no conversations here (${String(error)}).`;
  notify(said, true);
}

async function orNotify(work: (database: Database) => Promise<void>): Promise<void> {
  try {
    await work(await open());
  } catch (error) {
    notifyFailure(error);
  }
}

function isListed(id: string): boolean {
  return conversations.value.some((conversation) => conversation.id === id);
}

async function refresh(): Promise<void> {
  await orNotify(async (db) => {
    conversations.value = unsaved.listed(await store.listConversations(db));
    // Another tab may have deleted what is answered here.
    stopOrphans(isListed);
  });
}

/** Reads the list, and the conversation that the address names. */
export async function openLibrary(): Promise<void> {
  await refresh();
  listenToTabs((changed) => void followOtherTab(changed));
  addEventListener('hashchange', () => void showFromAddress());
  await showFromAddress();
}

async function followOtherTab(changed: string | null): Promise<void> {
  ++changeCount;
  await refresh();
  const id = currentId.value;
  if (id === null) return;
  if (!isListed(id)) return show(null);
  if (id !== changed) return;
  await reload();
  void watchOtherTabs();
}

function addressOf(id: string | null): string {
  return id === null ? '#/' : `#/c/${id}`;
}

/** Counts what was asked to be shown: a conversation that loads slowly must not displace a later one. */
let showCount = 0;

async function showFromAddress(): Promise<void> {
  const id = /^#\/c\/([\w-]+)$/.exec(location.hash)?.[1] ?? null;
  if (id === null || id !== currentId.value) await show(id, true);
  // It is shown already; what else may be loading is no longer wanted.
  else ++showCount;
}

/** Not finished, and not by this tab. */
function isLeftOver(message: Message): message is AssistantMessage {
  return isUnfinished(message) && !live.value.has(message.id);
}

/** What is stored of a conversation. Null, and a notice, if the store gives nothing. */
async function read(id: string): Promise<Message[] | null> {
  let stored: Message[] | null = null;
  await orNotify(async (db) => {
    stored = unsaved.messagesOf(id, await store.loadMessages(db, id));
  });
  return stored;
}

/** The same, once it is known which unfinished answers no tab finishes any more: they are stopped. */
async function readSettled(id: string): Promise<Message[] | null> {
  const first = await read(id);
  const leftOver = new Set((first ?? []).filter(isLeftOver).map((message) => message.id));
  if (leftOver.size === 0) return first;
  const elsewhere = await answeringElsewhere(leftOver);
  const stored = await read(id);
  const cut = (stored ?? [])
    .filter(isLeftOver)
    .filter((message) => leftOver.has(message.id) && !elsewhere.has(message.id));
  const conversation = find(id);
  if (!stored || cut.length === 0 || !conversation) return stored;
  await keep(conversation, cut.map((message): AssistantMessage => ({ ...message, state: 'stopped' })));
  return read(id);
}

/** The same, and up to date when it comes. */
async function load(id: string): Promise<Message[] | null> {
  for (;;) {
    const count = changeCount;
    const stored = await readSettled(id);
    if (count === changeCount) return stored;
  }
}

let isWatching = false;

/** Follows the answers that come in other tabs until they end, or their tab is closed. */
async function watchOtherTabs(): Promise<void> {
  if (isWatching) return;
  isWatching = true;
  while (messages.value.some(isLeftOver)) {
    await new Promise((resolve) => setTimeout(resolve, askEveryMs));
    await reload();
  }
  isWatching = false;
}

/** Shows the conversation as it is stored now. */
async function reload(): Promise<void> {
  const id = currentId.value;
  const stored = id === null ? null : await load(id);
  if (stored && id === currentId.value) messages.value = stored;
}

/** Shows a conversation, or an empty page for null. */
export async function show(id: string | null, isFromAddress = false): Promise<void> {
  const turn = ++showCount;
  const before = currentId.value;
  const shown = id !== null && isListed(id) ? id : null;
  let loaded: Message[] = [];
  if (shown !== null) {
    loaded = (await load(shown)) ?? [];
    // Meanwhile something else was chosen, a question was asked, or this conversation was deleted.
    if (turn !== showCount || currentId.value !== before || !isListed(shown)) return;
  }
  batch(() => {
    currentId.value = shown;
    messages.value = loaded;
    drawerOpen.value = false;
  });
  void watchOtherTabs();
  if (location.hash === addressOf(shown)) return;
  // An address that shows nothing is replaced: Back would lead to it again and again.
  if (isFromAddress) history.replaceState(null, '', addressOf(shown));
  else history.pushState(null, '', addressOf(shown));
}

function byUse(a: Conversation, b: Conversation): number {
  return b.updatedAt - a.updatedAt;
}

/** Puts a conversation and some of its messages into state and store. */
export async function keep(conversation: Conversation, changed: readonly Message[]): Promise<void> {
  batch(() => {
    const others = conversations.value.filter((other) => other.id !== conversation.id);
    conversations.value = [conversation, ...others].sort(byUse);
    if (conversation.id === currentId.value) {
      const ids = new Set(changed.map((message) => message.id));
      messages.value = [...messages.value.filter((message) => !ids.has(message.id)), ...changed];
    }
  });
  unsaved.add(conversation, changed);
  await flush(conversation.id);
}

/** Stores what is not stored of a conversation, also what the browser refused before. */
async function flush(id: string): Promise<void> {
  await orNotify(async (db) => {
    const change = unsaved.get(id);
    if (!change) return;
    await store.save(db, [change.conversation], [...change.messages.values()]);
    unsaved.settle(change);
    ++changeCount;
    tellChanged(id);
  });
}

/** The conversation as it is now; a running answer may be newer than what its caller holds. */
export function find(id: string): Conversation | null {
  return conversations.value.find((conversation) => conversation.id === id) ?? null;
}

export async function rename(conversation: Conversation, title: string): Promise<void> {
  const trimmed = title.trim();
  if (trimmed !== '') await keep({ ...conversation, title: trimmed }, []);
}

export async function remove(conversation: Conversation): Promise<void> {
  const { id } = conversation;
  conversations.value = conversations.value.filter((other) => other.id !== id);
  unsaved.beginRemoval(id);
  stopOrphans(isListed);
  if (currentId.value === id) await show(null);
  await orNotify(async (db) => {
    await store.remove(db, id);
    tellChanged(id);
  });
  unsaved.endRemoval(id);
  // There may be room now for what the browser refused.
  for (const other of unsaved.ids()) await flush(other);
}

/** Changes the shown conversation, and what the next new one begins with. */
export async function changeSettings(change: Partial<ChatSettings>): Promise<void> {
  const conversation = find(currentId.value ?? '');
  const changed = { ...(conversation?.settings ?? draftSettings.value), ...change };
  draftSettings.value = changed;
  saveDefaults(changed);
  if (conversation) await keep({ ...conversation, settings: changed }, []);
}

export async function search(query: string): Promise<Set<string> | null> {
  let found: Set<string> | null = null;
  await orNotify(async (db) => {
    found = await store.search(db, query);
  });
  return found;
}

function offerDownload(fileName: string, json: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([json], { type: 'application/json' }));
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

/** Offers a JSON file for download: one conversation, or all. Without a store: those of this page. */
export async function exportAs(name: string, id?: string): Promise<void> {
  const db = await openOrNull();
  try {
    offerDownload(`${name}.json`, await exportConversations(db, id, unsaved));
  } catch (error) {
    notifyFailure(error);
  }
}

export async function importFrom(file: File): Promise<void> {
  try {
    const count = await importConversations(await open(), await file.text());
    notify(count === 1 ? 'One conversation imported.' : `${count} conversations imported.`);
    await refresh();
    tellChanged(null);
  } catch (error) {
    notify(`${file.name}: ${error instanceof Error ? error.message : String(error)}`, true);
  }
}
