// @vitest-environment jsdom
// The actions of the page: conversations, answers and documents under way.
import 'fake-indexeddb/auto';
import { forceCloseDatabase } from 'fake-indexeddb';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeServer, openFirstPage, openPage, until, type AppPage } from './app_page';

let server: FakeServer;
let page: AppPage;

beforeEach(async () => {
  server = new FakeServer();
  page = await openFirstPage(server);
});

afterEach(() => {
  vi.restoreAllMocks();
  expect(errors()).toEqual([]);
});

/** What the page has said went wrong; says it no longer. */
function errors(): string[] {
  const said = page.notices.value.filter((notice) => notice.isError);
  for (const { id } of said) page.dismiss(id);
  return said.map(({ text }) => text);
}

function texts(shown: AppPage): string[] {
  return shown.path.value.map((message) => message.content);
}

/** Asks in the shown conversation; resolves to the answer once the server has the request. */
async function ask(text: string) {
  const count = server.answers.length;
  const done = page.send(text, []);
  await until(() => server.answers.length > count);
  return { answer: server.answers[count]!, done };
}

/** Asks and answers; the id of the conversation. */
async function converse(question: string, text: string): Promise<string> {
  const { answer, done } = await ask(question);
  answer.write(text);
  answer.end();
  await done;
  return page.currentId.value ?? '';
}

describe('answers under way', () => {
  test('deleting a conversation stops them', async () => {
    const { answer, done } = await ask('Count');
    await page.remove(page.current.value!);
    await done;
    expect(answer.isAborted).toBe(true);
    expect([page.conversations.value, page.live.value.size]).toEqual([[], 0]);
    expect((await openPage(server)).conversations.value).toEqual([]);
  });

  test('deleting a conversation leaves the answers of others alone', async () => {
    await converse('One', 'First');
    const old = page.current.value!;
    await page.show(null);
    const { answer, done } = await ask('Two');
    await page.remove(old);
    answer.write('Second');
    answer.end();
    await done;
    expect(answer.isAborted).toBe(false);
    expect(texts(page)).toEqual(['Two', 'Second']);
  });

  test('one can be stopped before its request is made', async () => {
    const done = page.send('Count', []);
    page.stop(page.streamingId.value ?? '');
    await done;
    expect(server.answers).toEqual([]);
    expect(page.path.value.at(-1)).toMatchObject({ state: 'stopped' });
  });

  test('there is one at a time', async () => {
    const { answer, done } = await ask('Count');
    const [question, reply] = page.path.value;
    if (question?.role !== 'user' || reply?.role !== 'assistant') throw new Error('no answer is under way');
    await page.regenerate(reply);
    await page.edit(question, 'Count again', []);
    answer.end();
    await done;
    expect([server.answers.length, page.messages.value.length]).toEqual([1, 2]);
  });
});

describe('a server that is slow or was gone', () => {
  function holdModels(): (models: { id: string }[]) => void {
    page.models.value = [];
    let give: (response: Response) => void;
    const given = new Promise<Response>((resolve) => (give = resolve));
    server.handlers['/v1/models'] = () => given;
    return (data) => give(Response.json({ data }));
  }

  test('has named its models before the first question is sent', async () => {
    const nameModels = holdModels();
    const asked = ask('Hello');
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(server.answers).toEqual([]);
    nameModels([{ id: 'mini' }]);
    const { answer, done } = await asked;
    answer.end();
    await done;
    expect(answer.body.model).toBe('mini');
    expect(page.path.value.at(-1)).toMatchObject({ model: 'mini', state: 'done' });
  });

  test('is not waited for once the answer is stopped', async () => {
    holdModels();
    const done = page.send('Hello', []);
    await new Promise((resolve) => setTimeout(resolve, 50));
    page.stop(page.streamingId.value ?? '');
    await done;
    expect(page.path.value.at(-1)).toMatchObject({ state: 'stopped' });
  });

  test('is no longer said to be gone after an answer', async () => {
    server.handlers['/v1/models'] = () => Promise.reject(new TypeError('Failed to fetch'));
    await page.connect();
    expect(page.serverFailure.value?.title).toBe('The server does not answer.');
    server.handlers['/v1/models'] = () => Response.json({ data: [{ id: 'mini' }] });
    await converse('Hello', 'Hi');
    await until(() => page.serverFailure.value === null);
  });

  test('is not asked about a key that no header can carry', async () => {
    expect(await page.signIn('“sk-key”', false)).toBe('The server does not know this key.');
  });
});

describe('what is shown', () => {
  /** The messages of one conversation arrive when the result is called. */
  function slowDown(id: string): () => void {
    let release = () => {};
    page.slowConversations.set(id, new Promise<void>((resolve) => (release = resolve)));
    return release;
  }

  test('is the conversation chosen last, also if one before it loads more slowly', async () => {
    const slow = await converse('One', 'First');
    await page.show(null);
    const quick = await converse('Two', 'Second');
    await page.show(null);
    const release = slowDown(slow);
    const first = page.show(slow);
    await page.show(quick);
    release();
    await first;
    expect(texts(page)).toEqual(['Two', 'Second']);
    expect(location.hash).toBe(`#/c/${quick}`);
  });

  test('is the question asked meanwhile', async () => {
    const slow = await converse('One', 'First');
    await page.show(null);
    const release = slowDown(slow);
    const shown = page.show(slow);
    await converse('Two', 'Second');
    release();
    await shown;
    expect(texts(page)).toEqual(['Two', 'Second']);
  });

  test('is what Forward leads back to, while Back still loads', async () => {
    const slow = await converse('One', 'First');
    await page.show(null);
    const quick = await converse('Two', 'Second');
    const release = slowDown(slow);
    page.goTo(`#/c/${slow}`);
    page.goTo(`#/c/${quick}`);
    release();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([page.currentId.value, location.hash]).toEqual([quick, `#/c/${quick}`]);
  });

  test('Back leads past the page that has no address, and past a deleted conversation', async () => {
    const id = await converse('One', 'First');
    await page.remove(page.current.value!);
    const { length } = history;
    for (const address of ['/', `#/c/${id}`]) {
      page.goTo(address);
      await until(() => location.hash === '#/');
    }
    expect(history.length).toBe(length);
  });
});

describe('documents of the draft', () => {
  const text = { id: 'd', name: 'sky.txt', text: 'Clouds.', tokens: null };

  test('are counted', async () => {
    server.handlers['/tokenize'] = () => Response.json({ count: 2 });
    await page.addDocument(text);
    expect(page.draftDocuments.value).toEqual([{ ...text, tokens: 2, isCounting: false }]);
  });

  test.each(['removed', 'sent'])('are no longer counted once %s', async (how) => {
    let signal: AbortSignal | null | undefined;
    server.handlers['/tokenize'] = (init) => {
      signal = init.signal;
      return new Promise(() => {});
    };
    const counted = page.addDocument(text);
    await until(() => signal);
    if (how === 'sent') page.sendDraft();
    else page.removeDocument('d');
    await counted;
    expect([signal?.aborted, page.draftDocuments.value]).toEqual([true, []]);
  });
});

describe('a store that is full or gone', () => {
  const isFull = () => {
    throw new DOMException('full', 'QuotaExceededError');
  };

  test('loses nothing while the page is open, and gets the rest once there is room', async () => {
    await converse('Old', 'Answer');
    const old = page.current.value!;
    await page.show(null);
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(isFull);
    const id = await converse('New', 'Kept');
    expect(errors()).toEqual([expect.stringMatching(/no more room/)]);
    await page.show(old.id);
    await page.show(id);
    expect(texts(page)).toEqual(['New', 'Kept']);
    put.mockRestore();
    await page.remove(old);
    const next = await openPage(server);
    expect(texts(next)).toEqual(['New', 'Kept']);
  });

  test('says so once, not with every piece of an answer', async () => {
    const put = vi.spyOn(IDBObjectStore.prototype, 'put').mockImplementation(isFull);
    await converse('New', 'Kept');
    expect(put.mock.calls.length).toBeGreaterThan(1);
    expect(errors()).toHaveLength(1);
  });

  test('is opened again once the browser has closed it', async () => {
    const open = vi.spyOn(indexedDB, 'open');
    page = await openPage(server);
    const database = (open.mock.results[0]!.value as IDBOpenDBRequest).result;
    const isClosed = new Promise((resolve) => database.addEventListener('close', resolve));
    forceCloseDatabase(database as never);
    await isClosed;
    await converse('One', 'First');
    expect(open).toHaveBeenCalledTimes(2);
  });

  test('does not keep its conversations from being exported', async () => {
    vi.spyOn(indexedDB, 'open').mockImplementation(() => {
      throw new DOMException('denied', 'SecurityError');
    });
    page = await openPage(server);
    await converse('One', 'First');
    const offered: Blob[] = [];
    vi.spyOn(URL, 'createObjectURL').mockImplementation((blob) => `blob:${offered.push(blob as Blob)}`);
    await page.exportAs('all');
    const file = JSON.parse(await offered[0]!.text()) as { conversations: { messages: { content: string }[] }[] };
    expect(file.conversations.map(({ messages }) => messages.map(({ content }) => content))).toEqual([['One', 'First']]);
    expect(errors()).toEqual([expect.stringMatching(/keeps no conversations here/)]);
  });

  test('is opened again if that failed', async () => {
    const open = indexedDB.open.bind(indexedDB);
    await new Promise((resolve) => (open('newer', 2).onsuccess = resolve));
    vi.spyOn(indexedDB, 'open').mockImplementationOnce(() => open('newer', 1));
    page = await openPage(server);
    expect(errors()).toHaveLength(1);
    await converse('One', 'First');
  });
});

describe('two tabs', () => {
  let other: AppPage;

  beforeEach(async () => {
    page = await openPage(server, 'tabs');
    other = await openPage(server, 'tabs');
  });

  test('what is answered in one appears in the other', async () => {
    const id = await converse('One', 'First');
    await until(() => other.find(id));
    await other.show(id);
    const { answer, done } = await ask('Two');
    answer.write('Second');
    answer.end();
    await done;
    await until(() => texts(other).at(-1) === 'Second');
    expect(texts(other)).toEqual(['One', 'First', 'Two', 'Second']);
  });

  test('a conversation deleted in one is not answered in the other', async () => {
    const { answer, done } = await ask('Count');
    await until(() => other.conversations.value.length === 1);
    await other.remove(other.conversations.value[0]!);
    await done;
    expect([answer.isAborted, page.currentId.value]).toEqual([true, null]);
  });

  test('an answer that comes in one is followed in the other, and can be stopped there', async () => {
    const { answer, done } = await ask('Count');
    await until(() => other.conversations.value.length === 1);
    await other.show(other.conversations.value[0]!.id);
    expect(other.path.value.at(-1)).toMatchObject({ state: 'streaming' });
    expect(other.streamingId.value).toBe(page.streamingId.value);
    other.stopAnywhere(other.streamingId.value!);
    await done;
    expect(answer.isAborted).toBe(true);
    await until(() => other.streamingId.value === null);
    expect(other.path.value.at(-1)).toMatchObject({ state: 'stopped' });
  });

  test('an answer that ends while the other tab opens it is shown whole', async () => {
    const { answer, done } = await ask('Count');
    await until(() => other.conversations.value.length === 1);
    const shown = other.show(other.conversations.value[0]!.id);
    answer.write('One, two.');
    answer.end();
    await Promise.all([done, shown]);
    await until(() => other.streamingId.value === null);
    expect(other.path.value.at(-1)).toMatchObject({ state: 'done', content: 'One, two.' });
  });

  test('an answer whose tab is gone counts as stopped', async () => {
    const { done } = await ask('Count');
    await until(() => other.conversations.value.length === 1);
    await other.show(other.conversations.value[0]!.id);
    expect(other.streamingId.value).not.toBeNull();
    page.closeTab();
    await until(() => other.streamingId.value === null);
    expect(other.path.value.at(-1)).toMatchObject({ state: 'stopped' });
    page.stop(page.streamingId.value!);
    await done;
  });

  test('a question is not lost in a list that was read before it was stored', async () => {
    const id = await converse('One', 'First');
    await until(() => other.find(id));
    await page.show(null);
    let asked: ReturnType<typeof converse> | null = null;
    page.whileListing.push(() => (asked = converse('Two', 'Second')));
    await other.rename(other.find(id)!, 'Renamed');
    await until(() => asked);
    await asked;
    expect(texts(page)).toEqual(['Two', 'Second']);
    expect(page.find(id)?.title).toBe('Renamed');
  });
});
