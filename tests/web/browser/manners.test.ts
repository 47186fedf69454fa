// Where focus, scrolling, keys and pointers could get into the way of who uses the page.
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { answered, ask } from './helpers';
import { Stage } from './stage';

const stage = new Stage();

const paragraphs = Array.from({ length: 200 }, (_, index) => `Paragraph ${index}\n\n`);

describe('scrolling', () => {
  const place = (page: Page) =>
    page.evaluate(() => {
      const frame = document.querySelector('.transcript')!;
      return { top: frame.scrollTop, below: frame.scrollHeight - frame.scrollTop - frame.clientHeight };
    });

  test('who reads further up is left there when the answer ends', async () => {
    stage.mock.scenarios.push({ pieces: paragraphs, pieceMs: 20 });
    const page = await stage.visit();
    await ask(page, 'A lot, please');
    await page.getByText('Paragraph 60', { exact: true }).waitFor();
    await expect.poll(async () => (await place(page)).below, { timeout: 30_000 }).toBeLessThan(60);
    await page.evaluate(() => (document.querySelector('.transcript')!.scrollTop = 0));
    await page.getByRole('button', { name: 'To the end' }).waitFor();
    await answered(page);
    expect((await place(page)).top).toBe(0);
    await page.getByRole('button', { name: 'To the end' }).click();
    await expect.poll(async () => (await place(page)).below, { timeout: 30_000 }).toBeLessThan(60);
  });

  test('who reads at the end stays there, however much comes at once', async () => {
    stage.mock.scenarios.push({ pieces: paragraphs, pieceMs: 0 });
    const page = await stage.visit();
    await ask(page, 'A lot, please');
    await answered(page);
    // The text grows between the scrolling and the event that tells of it.
    await page.evaluate(() => {
      document.querySelector('.column')!.append(document.createElement('canvas'), document.createElement('canvas'));
      document.querySelector('.transcript')!.dispatchEvent(new Event('scroll'));
    });
    await expect.poll(async () => (await place(page)).below, { timeout: 30_000 }).toBeLessThan(60);
  });
});
