// Everything that can go wrong ends in a sentence and a way on.
import { expect, test } from 'vitest';
import { MockServer } from '../mock_server';
import { answered, ask, dropFile, lastAnswer, violations } from './helpers';
import { Stage } from './stage';

const stage = new Stage();

test('a server that wants a key gets one, and the tab remembers it', async () => {
  stage.mock.key = 'sk-good';
  stage.mock.balance = { is_available: true, balance_infos: [{ currency: 'USD', total_balance: '4.20' }] };
  const page = await stage.visit();
  await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
  await page.getByLabel('Key', { exact: true }).fill('sk-bad');
  await page.keyboard.press('Enter');
  await page.getByText('The server does not know this key.').waitFor();
  await page.getByLabel('Key', { exact: true }).fill('sk-good');
  await page.keyboard.press('Enter');
  await page.getByText('4.20 USD').waitFor();
  await page.reload();
  await page.getByText('4.20 USD').waitFor();
  const kept = await page.evaluate(() => [sessionStorage.getItem('levin.key'), localStorage.getItem('levin.key')]);
  expect(kept).toEqual(['sk-good', null]);
  await ask(page, 'Hello');
  await answered(page);
  await page.getByText('Hello there.').waitFor();
});

test('a balance that does not suffice says so, and how to go on', async () => {
  stage.mock.scenarios.push({ status: 402, body: { error: { message: 'it may cost 2 USD and 1.5 USD are available; top up, or lower max_tokens' } } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('The balance of this key does not suffice.').waitFor();
  await page.getByText('or lower max_tokens. Lower the longest answer').waitFor();
  await page.locator('.failure').getByRole('button', { name: 'Open the settings' }).click();
  await page.getByRole('dialog', { name: 'Settings' }).getByLabel('Longest answer').waitFor();
  await page.keyboard.press('Escape');
  await page.locator('.failure').getByRole('button', { name: 'Sign in' }).click();
  await page.getByRole('dialog', { name: 'Sign in' }).waitFor();
});

test('a balance that is used up gets no advice that cannot help', async () => {
  stage.mock.scenarios.push({ status: 402, body: { error: { message: 'the balance is used up: 0 USD are available, less than the smallest request may cost; top up' } } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('To go on, ask whoever runs the server to top the key up').waitFor();
  const failure = page.locator('.failure');
  expect(await failure.textContent()).not.toContain('longest answer');
  expect(await failure.getByRole('button').allTextContents()).toEqual(['Sign in', 'Try again']);
});

test('a busy server is tried again when it said to', async () => {
  stage.mock.scenarios.push({ status: 429, headers: { 'Retry-After': '2' }, body: { error: { message: 'All places are taken.' } } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('All places are taken.').waitFor();
  const button = page.getByRole('button', { name: /Try again/ });
  expect(await button.textContent()).toMatch(/Try again in [12] s/);
  expect(await button.isDisabled()).toBe(true);
  // The seconds are not part of what a screen reader announces.
  expect(await page.getByRole('alert').textContent()).not.toContain('Try again');
  await page.getByRole('button', { name: 'Try again', exact: true }).click();
  await page.getByText('Hello there.').waitFor();
});

test('a failed server can be tried again at once', async () => {
  stage.mock.scenarios.push({ status: 500, body: { error: { message: 'internal error' } }, headers: { 'X-Request-Id': 'req-9' } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('The server failed on this request.').waitFor();
  await page.getByText('Request req-9').waitFor();
  await page.getByRole('button', { name: 'Try again', exact: true }).click();
  await page.getByText('Hello there.').waitFor();
});

test('a context that is too long names the limits', async () => {
  stage.mock.scenarios.push({ status: 400, body: { error: { code: 'context_length_exceeded', message: 'the context of this model is 4096 tokens; the prompt has 9000' } } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('This is longer than the model can read.').waitFor();
  await page.getByText('the prompt has 9000').waitFor();
  await page.getByRole('button', { name: 'Start a new chat' }).click();
  await page.getByText('What shall we read?').waitFor();
});

const tooLong = (prompt: number, maxTokens: number | string) => ({
  status: 400,
  body: { error: { code: 'context_length_exceeded', message: `the context of this model is 4096 tokens; the prompt has ${prompt} and max_tokens is ${maxTokens}; shorten the prompt or lower max_tokens` } },
});

test('a longest answer that fills the context leads to the settings, which say what is possible', async () => {
  stage.mock.models = [{ id: 'mini', levin: { context_tokens: 4096 } }];
  stage.mock.scenarios.push(tooLong(9, 65536));
  const page = await stage.visit();
  await page.evaluate(() => localStorage.setItem('levin.settings', JSON.stringify({ maxTokens: 65536 })));
  await page.reload();
  await ask(page, 'Hello');
  await page.getByText('The longest answer leaves no room for a question.').waitFor();
  const failure = page.locator('.failure');
  expect(await failure.getByRole('button').allTextContents()).toEqual(['Open the settings', 'Try again']);
  await failure.getByRole('button', { name: 'Open the settings' }).click();
  const field = page.getByLabel('Longest answer');
  expect(await field.getAttribute('max')).toBe('4095');
  await page.getByText('Only a whole number from 1 to 4,095; 65,536 still holds.').waitFor();
  await field.fill('');
  await page.keyboard.press('Escape');
  await failure.getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Hello there.').waitFor();
  expect(stage.mock.chats.map((chat) => chat.max_tokens)).toEqual([65536, undefined]);
});

test('a document that is too long can be taken out of the question', async () => {
  stage.mock.scenarios.push(tooLong(9000, 'not given'));
  const page = await stage.visit();
  await dropFile(page, 'sky.txt', 'Clouds.');
  await dropFile(page, 'sea.txt', 'Waves.');
  await ask(page, 'Which is larger?');
  await page.getByText('This is longer than the model can read.').waitFor();
  await page.locator('.failure').getByRole('button', { name: 'Edit the question' }).click();
  const documents = page.getByRole('list', { name: 'Documents' });
  await documents.getByRole('button', { name: 'Remove sky.txt' }).press('Enter');
  await expect.poll(() => page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Edit your message');
  expect(await documents.locator('.chip-name').allTextContents()).toEqual(['sea.txt']);
  expect(await violations(page)).toEqual([]);
  await page.getByLabel('Edit your message').press('Enter');
  await page.getByText('Hello there.').waitFor();
  expect(stage.mock.chats[1]?.messages).toEqual([{ role: 'user', content: 'Waves.\n\nWhich is larger?' }]);
  await answered(page);
  // The other version keeps both.
  await page.locator('.turn.user').getByRole('button', { name: 'Previous version' }).click();
  await expect.poll(() => page.locator('.turn.user .chip-name').allTextContents()).toEqual(['sky.txt', 'sea.txt']);
});

test('a connection that breaks keeps what has arrived', async () => {
  let breakConnection = () => {};
  const isBroken = new Promise<void>((resolve) => (breakConnection = resolve));
  stage.mock.scenarios.push({ pieces: ['Half an ', 'answer'], isBroken });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('Half an answer').waitFor();
  breakConnection();
  await page.getByText('The connection ended before the answer did.').waitFor();
  expect(await lastAnswer(page).locator('.markdown').textContent()).toContain('Half an answer');
});

test('a server that is gone is named, and found again', async () => {
  const page = await stage.visit();
  const port = Number(new URL(stage.url).port);
  await stage.mock.stop();
  await ask(page, 'Hello');
  await lastAnswer(page).getByText('The server does not answer.').waitFor();
  stage.mock = new MockServer();
  await stage.mock.start(port);
  await lastAnswer(page).getByRole('button', { name: 'Try again' }).click();
  await page.getByText('Hello there.').waitFor();
  await answered(page);
});

test('an error inside the stream ends the answer', async () => {
  stage.mock.scenarios.push({ pieces: ['So far.'], failure: { message: 'the cache is gone' } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('the cache is gone').waitFor();
  expect(await lastAnswer(page).locator('.markdown').textContent()).toContain('So far.');
});

test('a server that stops in the middle says so', async () => {
  stage.mock.scenarios.push({ pieces: ['So far.'], failure: { message: 'the request was cancelled', type: 'overloaded_error' } });
  const page = await stage.visit();
  await ask(page, 'Hello');
  await page.getByText('The server is stopping or short of memory.').waitFor();
  expect(await page.locator('.failure').getByRole('button').allTextContents()).toEqual(['Continue', 'Try again']);
});

test.each(['length', 'insufficient_system_resource'])('an answer that ended with %s goes on', async (finish) => {
  stage.mock.scenarios.push({ pieces: ['One, '], finish }, { pieces: ['two.'] });
  const page = await stage.visit();
  await ask(page, 'Count');
  await page.getByText(finish === 'length' ? 'The answer reached its length limit.' : 'The server ended this answer.').first().waitFor();
  expect(await lastAnswer(page).textContent()).not.toContain('Stopped.');
  expect(await violations(page)).toEqual([]);
  await lastAnswer(page).getByRole('button', { name: 'Continue' }).click();
  await page.getByText('One, two.').waitFor();
  await answered(page);
  expect(stage.mock.chats[1]?.messages.at(-1)).toEqual({ role: 'assistant', content: 'One, ', prefix: true });
  expect(await page.locator('.turn').count()).toBe(2);
  expect(await page.getByRole('button', { name: 'Continue' }).count()).toBe(0);
});

test('a full browser store is said, and the chat goes on', async () => {
  const page = await stage.visit();
  await page.evaluate(() => {
    IDBObjectStore.prototype.put = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await ask(page, 'Hello');
  await page.getByText('The browser has no more room for conversations.').first().waitFor();
  await page.getByText('Hello there.').waitFor();
});
