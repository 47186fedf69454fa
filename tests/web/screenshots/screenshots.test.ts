// Not a test: takes pictures of the built page, with samples from the mock server behind it and, where
// LEVIN names the program, of `levin serve models/mini`.
//   npm --prefix web run screenshots                            those of docs/img
//   LEVIN_SCREENSHOTS=FOLDER npm --prefix web run screenshots   all, to look at
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { answered as ended, ask, dropFile } from '../browser/helpers';
import { repository, startLevin, type LevinServer } from '../browser/levin_server';
import { launch, open } from '../browser/page';
import { MockServer } from '../mock_server';
import * as sample from './samples';

const pictures = fileURLToPath(new URL('../../../docs/img', import.meta.url));
const folder = process.env['LEVIN_SCREENSHOTS'] ?? pictures;
const published = new Set(['chat-light', 'serve', 'serve-document', 'serve-meter', 'serve-phone']);
const mock = new MockServer();
let url = '';
let browser: Browser;

beforeAll(async () => {
  mkdirSync(folder, { recursive: true });
  url = await mock.start();
  browser = await launch();
});
afterAll(async () => {
  await browser.close();
  await mock.stop();
});

async function shoot(page: Page, name: string): Promise<void> {
  if (folder === pictures && !published.has(name)) return;
  await page.screenshot({ path: join(folder, `web-${name}.png`) });
}

async function answered(page: Page): Promise<void> {
  await ended(page);
  await page.waitForTimeout(150);
}

/** A few conversations in the list, and one with code, a table and a meter. */
async function converse(page: Page): Promise<void> {
  for (const [question, answer] of sample.earlier) {
    mock.scenarios.push({ pieces: [answer] });
    await ask(page, question);
    await answered(page);
    await page.keyboard.press('Alt+n');
  }
  mock.scenarios.push({ pieces: sample.pieces(sample.code), reasoning: [sample.reasoning], usage: sample.usage, levin: sample.levin });
  await ask(page, 'How does sparse attention choose its tokens? Show me in code.');
  await answered(page);
}

test('chat, light and dark', async () => {
  for (const colorScheme of ['light', 'dark'] as const) {
    const { page, context } = await open(browser, url, { colorScheme, width: 1180, height: 780 });
    await shoot(page, `empty-${colorScheme}`);
    await converse(page);
    await page.evaluate(() => document.querySelector('.transcript')?.scrollTo(0, 0));
    await page.mouse.move(600, 100);
    await page.waitForTimeout(200);
    await shoot(page, `chat-${colorScheme}`);
    await page.evaluate(() => document.querySelector('.transcript')?.scrollTo(0, 1e6));
    await page.locator('.meter summary').last().click();
    await page.waitForTimeout(200);
    await shoot(page, `meter-${colorScheme}`);
    for (const name of ['Settings', 'Keyboard shortcuts']) {
      await page.getByRole('button', { name }).click();
      await page.waitForTimeout(150);
      await shoot(page, `${name.split(' ')[0]?.toLowerCase() ?? ''}-${colorScheme}`);
      await page.keyboard.press('Escape');
    }
    await context.close();
  }
});

test('a long document being read', async () => {
  const { page, context } = await open(browser, url, { width: 1180, height: 780 });
  await page.setInputFiles('input[type=file]', { name: 'war-and-peace.txt', mimeType: 'text/plain', buffer: Buffer.from(sample.document) });
  await page.getByText('tokens', { exact: false }).first().waitFor();
  mock.scenarios.push({ progress: [24576, 57344, 118216], pieceMs: 900, pieces: ['Prince Andrei.'] });
  await ask(page, 'Who lies on the field of Austerlitz and looks at the sky, and what does he think?');
  await page.waitForFunction(() => document.querySelector('progress')?.value === 57344);
  await shoot(page, 'document');
  await answered(page);
  await context.close();
});

test('errors', async () => {
  const { page, context } = await open(browser, url, { width: 1180, height: 780 });
  mock.scenarios.push({ status: 429, headers: { 'Retry-After': '12', 'X-Request-Id': 'req-7f3a' }, body: { error: { message: 'All 8 places are taken.' } } });
  await ask(page, 'Hello?');
  await answered(page);
  await shoot(page, 'error');
  await context.close();
});

test('phone width', async () => {
  const { page, context } = await open(browser, url, { width: 390, height: 780 });
  await shoot(page, 'phone-empty');
  await converse(page);
  await page.locator('.meter summary').last().click();
  await page.waitForTimeout(200);
  await shoot(page, 'phone');
  await page.getByRole('button', { name: 'Show or hide conversations' }).click();
  await page.waitForTimeout(300);
  await shoot(page, 'phone-list');
  await context.close();
});

const program = process.env['LEVIN'] ?? '';

describe.skipIf(program === '')('levin serve models/mini', () => {
  const demo = join(repository, 'models/mini/demo');
  const novel = readFileSync(join(demo, 'document.txt'), 'utf8');
  const questions = (JSON.parse(readFileSync(join(demo, 'questions.json'), 'utf8')) as { question: string }[]).map((entry) => entry.question);
  let server: LevinServer;
  beforeAll(async () => {
    server = await startLevin(program);
  });
  afterAll(() => server.stop());

  async function drop(page: Page, name: string, text: string): Promise<void> {
    await dropFile(page, name, text);
    await page.locator('.composer .chip', { hasText: /[\d,]+ tokens/ }).waitFor();
  }

  /** Questions about the novel, and the meter of the last answer. */
  async function discuss(page: Page, count: number): Promise<void> {
    await drop(page, 'persuasion.txt', novel);
    for (const question of questions.slice(0, count)) {
      await ask(page, question);
      await page.getByText(question).last().waitFor();
      await answered(page);
    }
    await page.locator('.meter summary').last().click();
    await page.waitForTimeout(200);
  }

  const desktop = { width: 1180, height: 780 };
  test.each([
    { name: 'serve', count: 2, view: desktop },
    { name: 'serve-meter', count: 3, view: { ...desktop, colorScheme: 'dark' as const } },
    { name: 'serve-phone', count: 1, view: { width: 390, height: 780 } },
  ])('$name: questions about a novel', async ({ name, count, view }) => {
    const { page, context } = await open(browser, server.url, view);
    await discuss(page, count);
    await shoot(page, name);
    await context.close();
  }, 120_000);

  test('a long document being read', async () => {
    const { page, context } = await open(browser, server.url, desktop);
    await drop(page, 'persuasion-three-times.txt', `${novel}\n${novel}\n${novel}`);
    await ask(page, questions[0] ?? '');
    await page.waitForFunction(() => (document.querySelector('progress')?.value ?? 0) > 4096);
    await shoot(page, 'serve-document');
    await answered(page);
    await context.close();
  }, 120_000);
});
