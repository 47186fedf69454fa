// The page as `levin serve models/mini` delivers it, and its answers. Only where LEVIN names the
// program (ctest does).
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { answered, ask, dropFile, lastAnswer, violations, watchText } from './helpers';
import { repository, startLevin, type LevinServer } from './levin_server';
import { launch, open, type Opened } from './page';

const program = process.env['LEVIN'] ?? '';
const text = readFileSync(join(repository, 'models/mini/demo/document.txt'), 'utf8');
const config = JSON.parse(readFileSync(join(repository, 'models/mini/config.json'), 'utf8')) as {
  max_position_embeddings: number;
};
const questions = JSON.parse(
  readFileSync(join(repository, 'models/mini/demo/questions.json'), 'utf8'),
) as { question: string; answer: string }[];

describe.skipIf(program === '')('levin serve models/mini', () => {
  let browser: Browser;
  let server: LevinServer;
  let opened: Opened | null = null;

  beforeAll(async () => {
    server = await startLevin(program);
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.stop();
  });
  afterEach(async () => {
    if (!opened) return;
    const { context, watch } = opened;
    opened = null;
    await context.close();
    expect(watch).toEqual({ foreignRequests: [], problems: [] });
  });

  async function visit() {
    opened = await open(browser, server.url);
    return opened.page;
  }

  /** Answers of the model do not depend on chance. */
  async function beExact(page: Page) {
    await page.keyboard.press('Control+,');
    await page.getByLabel('Temperature').fill('0');
    await page.getByLabel('Longest answer').fill('24');
    await page.keyboard.press('Escape');
  }

  test('delivers the page under its policy, and again only when it has changed', async () => {
    const response = await fetch(server.url);
    expect(response.headers.get('content-security-policy')).toContain("default-src 'self'");
    const etag = response.headers.get('etag') ?? '';
    expect((await fetch(server.url, { headers: { 'If-None-Match': etag } })).status).toBe(304);
    const script = /src="\.([^"]+)"/.exec(await response.text())?.[1] ?? '';
    const asset = await fetch(new URL(script, server.url));
    expect(asset.headers.get('cache-control')).toContain('immutable');
    expect(asset.headers.get('content-type')).toContain('text/javascript');
  });

  test('reads a document once, and answers the next question from the cache', async () => {
    const page = await visit();
    await beExact(page);
    await dropFile(page, 'persuasion.txt', text);
    await page.locator('.composer .chip', { hasText: /[\d,]+ tokens/ }).waitFor();
    for (const { question, answer } of questions.slice(0, 2)) {
      await ask(page, question);
      await page.getByText(question).last().waitFor();
      await answered(page, 60_000);
      await page.getByText(answer.trim()).last().waitFor();
    }
    await lastAnswer(page).locator('.meter summary').click();
    const meter = (await lastAnswer(page).locator('.meter').textContent()) ?? '';
    expect(meter).toMatch(/\d,\d{3} cached/);
    for (const name of ['First token after', 'Attention read', 'Price', 'without the cache']) {
      expect(meter).toContain(name);
    }
    expect(await violations(page)).toEqual([]);
  }, 120_000);

  test('goes on with an answer that was cut', async () => {
    const page = await visit();
    await beExact(page);
    await page.keyboard.press('Control+,');
    await page.getByLabel('Longest answer').fill('2');
    await page.keyboard.press('Escape');
    await dropFile(page, 'persuasion.txt', text);
    await page.locator('.composer .chip', { hasText: /[\d,]+ tokens/ }).waitFor();
    await ask(page, questions[0]?.question ?? '');
    await page.getByText('The answer reached its length limit.').first().waitFor({ timeout: 60_000 });
    await page.keyboard.press('Control+,');
    await page.getByLabel('Longest answer').fill('24');
    await page.keyboard.press('Escape');
    await page.getByRole('button', { name: 'Continue' }).click();
    await lastAnswer(page).getByText(questions[0]?.answer.trim() ?? '').waitFor({ timeout: 60_000 });
  }, 120_000);

  test('switches between sparse and dense attention', async () => {
    const page = await visit();
    await beExact(page);
    await dropFile(page, 'persuasion.txt', text);
    await page.locator('.composer .chip', { hasText: /[\d,]+ tokens/ }).waitFor();
    const attention = page.getByRole('group', { name: 'Attention' });
    const shares: number[] = [];
    for (const kind of ['sparse', 'dense']) {
      await attention.getByText(kind).click();
      await ask(page, questions[shares.length]?.question ?? '');
      await expect.poll(() => page.locator('.turn.assistant').count()).toBe(shares.length + 1);
      await answered(page, 60_000);
      expect(await lastAnswer(page).locator('.badge').textContent()).toBe(kind);
      await lastAnswer(page).locator('.meter summary').click();
      const meter = (await lastAnswer(page).locator('.meter').textContent()) ?? '';
      shares.push(Number(/Attention read([\d.]+)/.exec(meter)?.[1]));
    }
    expect(shares[0]).toBeLessThan(100);
    expect(shares[1]).toBe(100);
  }, 120_000);

  test('says how far the reading has come', async () => {
    const page = await visit();
    const said = await watchText(page, /Reading [\d,]+ of [\d,]+ tokens/);
    // A text that no try before has left in the cache.
    await dropFile(page, 'new.txt', `A new beginning at ${Date.now()}. ${text}`);
    await page.locator('.composer .chip', { hasText: /[\d,]+ tokens/ }).waitFor();
    await ask(page, questions[0]?.question ?? '');
    await answered(page, 60_000);
    expect(await said()).not.toEqual([]);
  }, 90_000);

  test('names the limit when a text is too long', async () => {
    const page = await visit();
    const limit = config.max_position_embeddings;
    await dropFile(page, 'long.txt', text.repeat(Math.ceil((5 * limit) / text.length)));
    const shown = limit.toLocaleString('en-US');
    await page.getByText(new RegExp(`Too long: about [\\d,]+ of ${shown} tokens`)).waitFor();
    await ask(page, 'Too much?');
    await page.getByText('This is longer than the model can read.').waitFor();
    await page.getByText(`the context of this model is ${limit} tokens`).waitFor();
  });
});
