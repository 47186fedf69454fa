// What a user does, in words.
import type { Page } from 'playwright-core';
import { expect } from 'vitest';

export async function ask(page: Page, text: string): Promise<void> {
  await page.fill('#composer', text);
  await page.press('#composer', 'Enter');
}

/** Waits until no answer is under way. */
export async function answered(page: Page, timeout = 60_000): Promise<void> {
  await page.waitForFunction(
    () =>
      document.querySelector('.turn.assistant') !== null &&
      document.querySelector('[aria-busy="true"]') === null,
    undefined,
    { timeout },
  );
}

export function lastAnswer(page: Page) {
  return page.locator('.turn.assistant').last();
}

/** From now on notes what of the page's text fits, however short it stands there. */
export async function watchText(page: Page, wanted: RegExp): Promise<() => Promise<string[]>> {
  const seen = await page.evaluateHandle((pattern) => {
    const found: string[] = [];
    const look = () => {
      const text = new RegExp(pattern).exec(document.body.textContent ?? '')?.[0];
      if (text && found.at(-1) !== text) found.push(text);
    };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
    return found;
  }, wanted.source);
  return () => seen.jsonValue();
}

/** The rules of axe-core that the page breaks, with the elements. */
export async function violations(page: Page): Promise<string[]> {
  const { default: axe } = await import('axe-core');
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: runner } = window as unknown as { axe: { run(): Promise<{ violations: { id: string; nodes: { html: string }[] }[] }> } };
    const result = await runner.run();
    return result.violations.map((rule) => `${rule.id}: ${rule.nodes.map((node) => node.html).join(' ')}`);
  });
}

/** Gives the page a file as if it was dropped on it. */
export async function dropFile(page: Page, name: string, text: string): Promise<void> {
  await page.evaluate(
    ([fileName, content]) => {
      const data = new DataTransfer();
      data.items.add(new File([content ?? ''], fileName ?? '', { type: 'text/plain' }));
      for (const type of ['dragenter', 'dragover', 'drop']) {
        document.body.dispatchEvent(new DragEvent(type, { bubbles: true, cancelable: true, dataTransfer: data }));
      }
    },
    [name, text],
  );
}

/** The page must scroll down only. */
export async function expectNoSidewaysScroll(page: Page): Promise<void> {
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(excess).toBeLessThanOrEqual(0);
}
