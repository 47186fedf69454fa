// The page of a server in the local network, without TLS: browsers then lack the APIs of secure
// contexts, such as crypto.randomUUID and the clipboard.
import { expect, test } from 'vitest';
import { answered, ask, dropFile, lastAnswer } from './helpers';
import { Stage } from './stage';

const stage = new Stage();

test('everything works that the page does with a browser', async () => {
  const page = await stage.visit({ isPlainHttp: true });
  const found = await page.evaluate(() => [isSecureContext, 'randomUUID' in crypto, 'clipboard' in navigator, 'subtle' in crypto]);
  expect(found).toEqual([false, false, false, false]);
  await dropFile(page, 'sky.txt', 'Clouds and clouds. ');
  await page.getByText('5 tokens').waitFor();
  await ask(page, 'What is in it?');
  await answered(page);
  expect(stage.mock.chats[0]?.messages[0]?.content).toBe('Clouds and clouds. \n\nWhat is in it?');
  await lastAnswer(page).getByRole('button', { name: 'Copy this answer' }).click();
  await page.getByText('Copied.', { exact: true }).waitFor();
  expect(await page.evaluate(() => document.activeElement?.getAttribute('aria-label'))).toBe('Copy this answer');
  await page.getByRole('button', { name: 'Answer again' }).click();
  await expect.poll(() => stage.mock.chats.length).toBe(2);
  await answered(page);
  await page.getByRole('button', { name: 'Export and import' }).click();
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: 'Export all' }).click();
  await page.setInputFiles('#import', await (await download).path());
  await page.getByText('One conversation imported.').waitFor();
  expect(await page.locator('.item').count()).toBe(2);
});
