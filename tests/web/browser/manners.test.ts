// Where focus, scrolling, keys and pointers could get into the way of who uses the page.
import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { answered, ask, violations } from './helpers';
import { Stage } from './stage';

const stage = new Stage();

const paragraphs = Array.from({ length: 200 }, (_, index) => `Paragraph ${index}\n\n`);

const focusedLabel = (page: Page) => page.evaluate(() => document.activeElement?.getAttribute('aria-label'));

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

describe('focus', () => {
  test('stays where the next question is written, though another is being edited', async () => {
    stage.mock.scenarios.push({ pieces: ['First.'] }, { pieces: paragraphs, pieceMs: 20 });
    const page = await stage.visit();
    await ask(page, 'One');
    await answered(page);
    await page.press('#composer', 'ArrowUp');
    await page.getByLabel('Edit your message').waitFor();
    await ask(page, 'Two');
    await page.getByText('Paragraph 3', { exact: true }).waitFor();
    await page.keyboard.type('Three', { delay: 30 });
    expect(await page.inputValue('#composer')).toBe('Three');
    await page.keyboard.press('Escape');
  });

  test('goes back to what has opened a dialog, however it is closed', async () => {
    const page = await stage.visit();
    const button = page.getByRole('button', { name: 'Settings' });
    for (const name of ['Close', 'Escape']) {
      await button.press('Enter');
      await page.getByRole('dialog', { name: 'Settings' }).waitFor();
      if (name === 'Close') await page.getByRole('button', { name }).press('Enter');
      else await page.keyboard.press(name);
      await expect.poll(() => focusedLabel(page), { timeout: 30_000 }).toBe('Settings');
      expect(await page.locator('dialog').count()).toBe(0);
    }
  });
});

describe('keys', () => {
  test('the Enter that takes a proposal of an input method sends nothing', async () => {
    const page = await stage.visit();
    await page.fill('#composer', 'こんにちは');
    await page.evaluate(() => {
      const press = new KeyboardEvent('keydown', { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true });
      document.getElementById('composer')?.dispatchEvent(press);
    });
    expect(await page.inputValue('#composer')).toBe('こんにちは');
    await page.press('#composer', 'Enter');
    await answered(page);
    expect(stage.mock.chats.length).toBe(1);
  });

  test('Option on a Mac writes letters in a text field', async () => {
    const page = await stage.visit();
    await page.fill('#composer', 'ko');
    const isTaken = await page.evaluate(() => {
      const press = new KeyboardEvent('keydown', { key: 'ń', code: 'KeyN', altKey: true, bubbles: true, cancelable: true });
      return !document.getElementById('composer')?.dispatchEvent(press);
    });
    expect(isTaken).toBe(false);
  });

  test('on a phone Enter begins a new line, and the button sends', async () => {
    const page = await stage.visit({ width: 390, isTouch: true });
    await page.fill('#composer', 'One');
    await page.press('#composer', 'Enter');
    await page.keyboard.type('two');
    expect(await page.inputValue('#composer')).toBe('One\ntwo');
    const button = page.getByRole('button', { name: 'Send' });
    expect(await button.getAttribute('title')).toBe('Send');
    await button.tap();
    await answered(page);
    expect(stage.mock.chats.map((chat) => chat.messages[0]?.content)).toEqual(['One\ntwo']);
    await page.getByRole('button', { name: 'Edit this message' }).tap();
    await page.getByLabel('Edit your message').press('Enter');
    expect(await page.getByLabel('Edit your message').inputValue()).toBe('One\ntwo\n');
    await page.getByRole('button', { name: 'Show or hide conversations' }).tap();
    await page.getByRole('button', { name: 'Keyboard shortcuts' }).tap();
    expect(await page.locator('.shortcuts > div').nth(1).textContent()).toBe('EnterNew line');
  });

  test('Alt C copies the last answer and says so; without one it leaves the clipboard alone', async () => {
    const page = await stage.visit();
    const copied = await page.evaluateHandle(() => {
      const texts: string[] = [];
      navigator.clipboard.writeText = async (text) => void texts.push(text);
      return texts;
    });
    await page.keyboard.press('Alt+c');
    await ask(page, 'Hello');
    await answered(page);
    await page.keyboard.press('Alt+c');
    await page.getByText('Copied.', { exact: true }).waitFor();
    expect(await copied.jsonValue()).toEqual(['Hello there.']);
  });
});

describe('settings', () => {
  test('a number out of range is not taken, and the field says so', async () => {
    const page = await stage.visit();
    await page.getByRole('button', { name: 'Settings' }).click();
    const field = page.getByLabel('Temperature');
    await field.fill('0.5');
    await field.fill('5');
    await page.getByText('Only a number from 0 to 2; 0.5 still holds.').waitFor();
    expect(await field.getAttribute('aria-invalid')).toBe('true');
    const described = await field.evaluate((element) =>
      (element.getAttribute('aria-describedby') ?? '').split(' ').map((id) => document.getElementById(id)?.textContent),
    );
    expect(described.at(-1)).toBe('Only a number from 0 to 2; 0.5 still holds.');
    expect(await violations(page)).toEqual([]);
    await field.fill('2');
    await expect.poll(() => field.getAttribute('aria-invalid')).toBe('false');
    await page.keyboard.press('Escape');
    await ask(page, 'Hello');
    await answered(page);
    expect(stage.mock.chats[0]?.temperature).toBe(2);
  });
});

describe('pointers', () => {
  test('a selection that ends beside a dialog does not close it, a click there does', async () => {
    const page = await stage.visit();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('System prompt').hover();
    await page.mouse.down();
    await page.mouse.move(5, 5);
    await page.mouse.up();
    expect(await page.getByRole('dialog', { name: 'Settings' }).isVisible()).toBe(true);
    await page.mouse.click(5, 5);
    await page.getByRole('dialog', { name: 'Settings' }).waitFor({ state: 'hidden' });
  });

  test('the hint at dropping goes when the files leave, also over an answer that grows', async () => {
    const page = await stage.visit();
    const hint = page.getByText('Drop the documents to add them');
    const drag = (where: string, type: string) =>
      page.evaluate(
        ([selector, name]) => {
          const dataTransfer = new DataTransfer();
          dataTransfer.items.add(new File(['Clouds.'], 'sky.txt', { type: 'text/plain' }));
          document.querySelector(selector!)?.dispatchEvent(new DragEvent(name!, { bubbles: true, cancelable: true, dataTransfer }));
        },
        [where, type],
      );
    for (const where of ['main', '.welcome h2']) {
      await drag(where, 'dragenter');
      await drag(where, 'dragover');
    }
    await hint.waitFor();
    await page.evaluate(() => document.querySelector('.welcome h2')?.remove());
    await drag('main', 'dragleave');
    await hint.waitFor({ state: 'detached' });
  });

  test('a tablet shows the menus of conversations, which nothing hovers over', async () => {
    const page = await stage.visit({ width: 900, isTouch: true });
    await page.fill('#composer', 'Hello');
    await page.getByRole('button', { name: 'Send' }).tap();
    await answered(page);
    const button = page.getByRole('button', { name: 'More about Hello' });
    expect(await button.evaluate((element) => getComputedStyle(element).opacity)).toBe('1');
  });
});
