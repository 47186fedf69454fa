// @vitest-environment jsdom
// An answer that ended too early goes on.
import 'fake-indexeddb/auto';
import { beforeEach, describe, expect, test } from 'vitest';
import { makeContinuation } from '../../../web/src/chat/prompt';
import { defaultSettings, type AssistantMessage } from '../../../web/src/chat/types';
import { FakeServer, openFirstPage, until, type AppPage } from './app_page';
import { assistant, user } from './builders';

let server: FakeServer;
let page: AppPage;

beforeEach(async () => {
  server = new FakeServer();
  page = await openFirstPage(server);
});

function lastAnswer(): AssistantMessage {
  const last = page.path.value.at(-1);
  if (last?.role !== 'assistant') throw new Error('there is no answer');
  return last;
}

async function next(done: Promise<void>) {
  const count = server.answers.length;
  await until(() => server.answers.length > count);
  return { answer: server.answers[count]!, done };
}

/** An answer that has reached its length limit. */
async function cutAnswer(): Promise<AssistantMessage> {
  const { answer, done } = await next(page.send('Count', []));
  answer.write('One, ');
  answer.end('length', { prompt_tokens: 10, prompt_cache_hit_tokens: 0, completion_tokens: 3 }, { cost_usd: '0.3', time_to_first_token_ms: 7 });
  await done;
  return lastAnswer();
}

describe('continueAnswer', () => {
  test('adds the rest to what is there, text and costs', async () => {
    const cut = await cutAnswer();
    expect(cut.state).toBe('cut');
    const { answer, done } = await next(page.continueAnswer(cut));
    expect(answer.path).toBe('/beta/chat/completions');
    expect(answer.body.messages).toEqual([
      { role: 'user', content: 'Count' },
      { role: 'assistant', content: 'One, ', prefix: true },
    ]);
    expect(page.live.value.get(cut.id)).toMatchObject({ content: 'One, ', hasStarted: false });
    answer.write('two.');
    answer.end('stop', { prompt_tokens: 13, prompt_cache_hit_tokens: 12, completion_tokens: 2 }, { cost_usd: '0.1', time_to_first_token_ms: 3 });
    await done;
    expect(page.messages.value.length).toBe(2);
    expect(lastAnswer()).toMatchObject({
      id: cut.id,
      content: 'One, two.',
      state: 'done',
      meter: { promptTokens: 10, cachedTokens: 0, completionTokens: 5, costUsd: 0.4, timeToFirstTokenMs: 7 },
    });
  });

  test('keeps what is there if the server fails, and can be tried again', async () => {
    const cut = await cutAnswer();
    const answers = server.handlers['/beta/chat/completions']!;
    server.handlers['/beta/chat/completions'] = () => Response.json({ error: { message: 'no' } }, { status: 503 });
    await page.continueAnswer(cut);
    expect(lastAnswer()).toMatchObject({ content: 'One, ', state: 'failed', meter: cut.meter });
    server.handlers['/beta/chat/completions'] = answers;
    const { answer, done } = await next(page.continueAnswer(lastAnswer()));
    answer.write('two.');
    answer.end();
    await done;
    expect(lastAnswer()).toMatchObject({ content: 'One, two.', state: 'done', failure: null });
  });

  test('can go on after the server ended the answer', async () => {
    const { answer, done } = await next(page.send('Count', []));
    answer.write('One, ');
    answer.end('insufficient_system_resource');
    await done;
    expect(lastAnswer()).toMatchObject({ state: 'failed', failure: { title: 'The server ended this answer.' } });
    const rest = await next(page.continueAnswer(lastAnswer()));
    rest.answer.write('two.');
    rest.answer.end();
    await rest.done;
    expect(lastAnswer()).toMatchObject({ content: 'One, two.', state: 'done', failure: null });
  });

  test('not while another answer is under way', async () => {
    const cut = await cutAnswer();
    const { answer, done } = await next(page.continueAnswer(cut));
    await page.continueAnswer(cut);
    expect(server.answers.length).toBe(2);
    answer.end();
    await done;
  });
});

describe('makeContinuation', () => {
  const question = user('q', null, 'Why?');
  const begun = (reasoning: string, content: string) => ({ ...assistant('a', 'q', content), reasoning });
  const request = (reasoning: string, content: string, canThink = true) =>
    makeContinuation([question], begun(reasoning, content), { ...defaultSettings, thinking: true }, 'mini', canThink);

  test('thoughts go with the answer, and go on where nothing else is there', () => {
    for (const content of ['', 'Because']) {
      const { thinking, messages } = request('Hm', content);
      expect(thinking).toEqual({ type: 'enabled' });
      expect(messages.at(-1)).toEqual({ role: 'assistant', content, reasoning_content: 'Hm', prefix: true });
    }
  });

  test('an answer without thoughts does not begin to think', () => {
    expect(request('', 'Because').thinking).toEqual({ type: 'disabled' });
    expect(request('', 'Because', false).thinking).toBeUndefined();
    expect(request('Hm', 'Because', false).messages.at(-1)).toEqual({ role: 'assistant', content: 'Because', prefix: true });
  });
});

test('documents can be left out of an edited question', async () => {
  const document = { id: 'd', name: 'sky.txt', text: 'Clouds.', tokens: null };
  const first = await next(page.send('Why?', [document]));
  first.answer.end();
  await first.done;
  const [question] = page.path.value;
  if (question?.role !== 'user') throw new Error('there is no question');
  const second = await next(page.edit(question, 'Why?', []));
  expect(second.answer.body.messages).toEqual([{ role: 'user', content: 'Why?' }]);
  second.answer.end();
  await second.done;
});

test('a longest answer beyond the context is named when the server refuses', async () => {
  page.models.value = [{ id: 'mini', contextTokens: 4096, attention: null, canThink: null }];
  await page.changeSettings({ maxTokens: 65536 });
  const message = 'the context of this model is 4096 tokens; the prompt has 9 and max_tokens is 65536; shorten the prompt or lower max_tokens';
  server.handlers['/v1/chat/completions'] = () => Response.json({ error: { code: 'context_length_exceeded', message } }, { status: 400 });
  await page.send('Hello', []);
  expect(lastAnswer().failure).toMatchObject({ action: 'settings', title: 'The longest answer leaves no room for a question.' });
});
