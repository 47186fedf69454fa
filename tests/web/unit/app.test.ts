// @vitest-environment jsdom
// The actions of the page: conversations, answers and documents under way.
import 'fake-indexeddb/auto';
import { IDBFactory } from 'fake-indexeddb';
import { beforeEach, describe, expect, test, vi } from 'vitest';
import { FakeServer, openPage, type AppPage } from './app_page';

let server: FakeServer;
let page: AppPage;

beforeEach(async () => {
  vi.stubGlobal('indexedDB', new IDBFactory());
  history.replaceState(null, '', '/');
  server = new FakeServer();
  page = await openPage(server);
});

/** Asks in the shown conversation; resolves to the answer once the server has the request. */
async function ask(text: string) {
  const count = server.answers.length;
  const done = page.send(text, []);
  await vi.waitUntil(() => server.answers.length > count);
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
    expect(page.path.value.map((message) => message.content)).toEqual(['Two', 'Second']);
  });

  test('one can be stopped before its request is made', async () => {
    const done = page.send('Count', []);
    page.stop(page.streamingId.value ?? '');
    await done;
    expect(server.answers).toEqual([]);
    expect(page.path.value.at(-1)).toMatchObject({ state: 'stopped' });
  });
});
