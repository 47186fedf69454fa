// The page in Chromium against the mock server: what people do with it.
import { describe, expect, test } from 'vitest';
import { answered, ask, dropFile, expectNoSidewaysScroll, lastAnswer, violations } from './helpers';
import { Stage } from './stage';

const stage = new Stage();

const longAnswer = Array.from({ length: 400 }, (_, index) => `Word ${index} `);

describe('a conversation', () => {
  test('streams an answer and shows what it cost', async () => {
    stage.mock.scenarios.push({
      reasoning: ['Let me ', 'think.'],
      pieces: ['# Hi\n\n', 'A **bold** an', 'swer.\n\n```js\nlet x = 1;\n```\n'],
      usage: { prompt_tokens: 1000, prompt_cache_hit_tokens: 960, completion_tokens: 20 },
      levin: { time_to_first_token_ms: 12, decode_tokens_per_s: 33, cost_usd: '0.00005', cost_without_cache_usd: '0.0003' },
    });
    const page = await stage.visit();
    await ask(page, 'Hello');
    await answered(page);
    const answer = lastAnswer(page);
    expect(await answer.locator('h1').textContent()).toBe('Hi');
    await answer.locator('.hljs-keyword').waitFor();
    expect(await answer.locator('.thinking-text').isVisible()).toBe(false);
    await answer.locator('.thinking summary').click();
    expect(await answer.locator('.thinking-text').textContent()).toBe('Let me think.');
    await answer.locator('.meter summary').click();
    const meter = await answer.locator('.meter').textContent();
    for (const figure of ['1,000 in', '960 tokens', '96 % of 1,000', '12 ms', '33.0 tokens/s', '$0.000050', '$0.00030 without']) {
      expect(meter).toContain(figure);
    }
    expect(stage.mock.chats[0]).toMatchObject({
      model: 'mini',
      messages: [{ role: 'user', content: 'Hello' }],
      stream_options: { include_usage: true, include_progress: true },
    });
  });

  test('stops an answer: the server hears of it and the text stays', async () => {
    stage.mock.scenarios.push({ pieces: longAnswer, pieceMs: 20 });
    const page = await stage.visit();
    await ask(page, 'Count');
    await page.getByText('Word 3').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped.', { exact: true }).waitFor();
    expect(await lastAnswer(page).textContent()).toContain('Word 3');
    await expect.poll(() => stage.mock.cancelled).toBe(1);
  });

  test('another tab follows an answer, and can stop it', async () => {
    stage.mock.scenarios.push({ pieces: longAnswer, pieceMs: 200 });
    const page = await stage.visit();
    await ask(page, 'Count');
    await page.getByText('Word 3').waitFor();
    const other = await page.context().newPage();
    await other.goto(page.url());
    await other.getByText('This answer comes in another tab.').waitFor();
    await other.getByText('Word 13').waitFor();
    await other.getByRole('button', { name: 'Stop' }).click();
    for (const tab of [page, other]) await tab.getByText('Stopped.', { exact: true }).waitFor();
    await expect.poll(() => stage.mock.cancelled).toBe(1);
  });

  test('a stopped answer shows what is known, and that it is charged', async () => {
    stage.mock.balance = { is_available: true, balance_infos: [{ currency: 'USD', total_balance: '4.20' }] };
    stage.mock.scenarios.push({ progress: [512, 1024], pieces: longAnswer, pieceMs: 20 });
    const page = await stage.visit();
    await ask(page, 'Count');
    await page.getByText('Word 3').waitFor();
    await page.keyboard.press('Escape');
    await page.getByText('Stopped. The server charges what it had computed.').waitFor();
    await lastAnswer(page).locator('.meter summary').click();
    const meter = await lastAnswer(page).locator('.meter').textContent();
    for (const figure of ['1,024 in', 'Prompt1,024 tokens', 'First token after']) expect(meter).toContain(figure);
    expect(meter).not.toContain('Written');
  });

  test('survives a reload, also in the middle of an answer', async () => {
    stage.mock.scenarios.push({ pieces: ['First answer.'] }, { pieces: longAnswer, pieceMs: 20 });
    const page = await stage.visit();
    await ask(page, 'One');
    await answered(page);
    await ask(page, 'Two');
    await page.getByText('Word 150').waitFor();
    await page.reload();
    await page.getByText('First answer.').waitFor();
    await page.getByText('Stopped.', { exact: true }).waitFor();
    expect(await page.locator('.bubble').allTextContents()).toEqual(['One', 'Two']);
    expect(await lastAnswer(page).textContent()).toContain('Word 0');
  });

  test('answers again and edits, and keeps every version', async () => {
    stage.mock.scenarios.push({ pieces: ['Red.'] }, { pieces: ['Blue.'] }, { pieces: ['Seven.'] });
    const page = await stage.visit();
    await ask(page, 'A colour?');
    await answered(page);
    await page.getByRole('button', { name: 'Answer again' }).click();
    await page.getByText('Blue.').waitFor();
    await answered(page);
    await page.getByRole('button', { name: 'Previous version' }).click();
    await page.getByText('Red.').waitFor();
    await page.press('#composer', 'ArrowUp');
    await page.getByLabel('Edit your message').fill('A number?');
    await page.keyboard.press('Enter');
    await page.getByText('Seven.').waitFor();
    await answered(page);
    expect(stage.mock.chats.at(-1)?.messages).toEqual([{ role: 'user', content: 'A number?' }]);
    expect(await page.locator('.turn.user .branches').textContent()).toBe('2/2');
  });

  test('sends the whole conversation, with system prompt and sampling', async () => {
    const page = await stage.visit();
    await page.getByRole('button', { name: 'Settings' }).click();
    await page.getByLabel('System prompt').fill('Be brief.');
    await page.getByLabel('Temperature').fill('0.5');
    await page.keyboard.press('Escape');
    await ask(page, 'One');
    await answered(page);
    await ask(page, 'Two');
    await expect.poll(() => stage.mock.chats.length).toBe(2);
    await answered(page);
    expect(stage.mock.chats[1]).toMatchObject({
      temperature: 0.5,
      messages: [
        { role: 'system', content: 'Be brief.' },
        { role: 'user', content: 'One' },
        { role: 'assistant', content: 'Hello there.' },
        { role: 'user', content: 'Two' },
      ],
    });
  });

  test('switches between sparse and dense where the server offers both', async () => {
    stage.mock.models = [
      { id: 'mini', levin: { attention: 'sparse' } },
      { id: 'deepseek-chat', levin: { attention: 'sparse' } },
      { id: 'deepseek-chat:dense', levin: { attention: 'dense' } },
      { id: 'mini:dense', levin: { attention: 'dense' } },
    ];
    const page = await stage.visit();
    const attention = page.getByRole('group', { name: 'Attention' });
    await attention.getByText('dense').click();
    await ask(page, 'Hello');
    await answered(page);
    expect(stage.mock.chats[0]?.model).toBe('mini:dense');
    expect(await lastAnswer(page).locator('.badge').textContent()).toBe('dense');
    await attention.getByText('sparse').click();
    await ask(page, 'And now?');
    await expect.poll(() => stage.mock.chats.length).toBe(2);
    await answered(page);
    expect(stage.mock.chats[1]?.model).toBe('mini');
  });

  test('a long answer streams without long pauses of the page', async () => {
    const paragraphs = Array.from({ length: 1500 }, (_, index) => `Paragraph ${index} with **bold**, \`code\` and more words.\n\n`);
    stage.mock.scenarios.push({ pieces: paragraphs, pieceMs: 0 });
    const page = await stage.visit();
    await page.evaluate(() => {
      const seen: number[] = [];
      Object.assign(window, { seen });
      new PerformanceObserver((list) => seen.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
    });
    await ask(page, 'A lot, please');
    await answered(page, 60_000);
    expect(await lastAnswer(page).locator('.markdown > p').count()).toBe(1500);
    const pauses = await page.evaluate(() => (window as unknown as { seen: number[] }).seen);
    const longest = Math.max(0, ...pauses);
    console.log(`1,500 paragraphs: longest pause ${Math.round(longest)} ms, ${pauses.length} above 50 ms`);
    expect(longest).toBeLessThan(1000);
  });
});

describe('documents', () => {
  test('a dropped document is counted, sent before the question, and its reading shown', async () => {
    stage.mock.scenarios.push({ progress: [2048, 4096, 8192], pieceMs: 2000, pieces: ['Clouds.'] });
    const page = await stage.visit();
    await dropFile(page, 'sky.txt', 'Clouds and clouds. '.repeat(2000));
    await page.getByText('8,838 tokens').waitFor();
    await ask(page, 'What is in it?');
    await page.getByText('Reading 4,096 of 8,192 tokens').waitFor();
    expect(await page.locator('progress').getAttribute('max')).toBe('8192');
    await answered(page);
    expect(stage.mock.chats[0]?.messages[0]?.content).toMatch(/^Clouds and clouds\. .*\n\nWhat is in it\?$/s);
    expect(await page.locator('.turn.user .chip').textContent()).toContain('sky.txt');
  });

  test('a long pasted text becomes a document', async () => {
    const page = await stage.visit();
    await page.evaluate(() => {
      const data = new DataTransfer();
      data.setData('text/plain', 'x '.repeat(4000));
      document.getElementById('composer')?.dispatchEvent(new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true }));
    });
    await page.getByText('Pasted text').waitFor();
    expect(await page.inputValue('#composer')).toBe('');
  });

  test('a file that is no text is refused by name', async () => {
    const page = await stage.visit();
    await page.setInputFiles('.composer input[type=file]', { name: 'cat.png', mimeType: 'image/png', buffer: Buffer.from([0x89, 0x50, 0xff, 0]) });
    await page.getByText('cat.png is not a text file').waitFor();
  });
});

describe('the list of conversations', () => {
  test('renames, searches, exports, deletes and imports', async () => {
    stage.mock.scenarios.push({ pieces: ['A discharge.'] }, { pieces: ['Bread.'] });
    const page = await stage.visit();
    await ask(page, 'Lightning?');
    await answered(page);
    await page.keyboard.press('Alt+n');
    await ask(page, 'Dinner?');
    await answered(page);
    await page.locator('.item', { hasText: 'Dinner?' }).hover();
    await page.getByRole('button', { name: 'More about Dinner?' }).click();
    await page.getByRole('button', { name: 'Rename' }).click();
    await page.getByLabel('Name of the conversation').fill('Supper');
    await page.keyboard.press('Enter');
    await page.locator('.item', { hasText: 'Supper' }).waitFor();
    await page.keyboard.press('Control+k');
    await page.keyboard.type('discharge');
    await page.locator('.item', { hasText: 'Supper' }).waitFor({ state: 'detached' });
    expect(await page.locator('.item a').allTextContents()).toEqual(['Lightning?']);
    await page.fill('#search', '');
    await page.getByRole('button', { name: 'Export and import' }).click();
    const download = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Export all' }).click();
    const file = await (await download).path();
    await page.keyboard.press('Escape');
    for (const name of ['Supper', 'Lightning?']) {
      await page.locator('.item', { hasText: name }).hover();
      await page.getByRole('button', { name: `More about ${name}` }).click();
      await page.getByRole('button', { name: 'Delete' }).click();
      await page.getByRole('button', { name: 'Really delete?' }).click();
    }
    await page.getByText('Your conversations will stand here').waitFor();
    await page.getByRole('button', { name: 'Export and import' }).click();
    await page.setInputFiles('#import', file);
    await page.getByText('2 conversations imported.').waitFor();
    await page.locator('.item', { hasText: 'Lightning?' }).getByRole('link').click();
    await page.getByText('A discharge.').waitFor();
  });
});

describe('for everyone', () => {
  test('works with the keyboard alone', async () => {
    const page = await stage.visit();
    await page.keyboard.type('Hello');
    await page.keyboard.press('Shift+Enter');
    await page.keyboard.type('there');
    await page.keyboard.press('Enter');
    await answered(page);
    expect(stage.mock.chats[0]?.messages[0]?.content).toBe('Hello\nthere');
    await page.getByRole('region', { name: 'Conversation' }).focus();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Keyboard shortcuts' }).waitFor();
    await page.keyboard.press('Escape');
    await page.keyboard.press('/');
    await expect.poll(() => page.evaluate(() => document.activeElement?.id)).toBe('composer');
    await page.keyboard.press('Alt+r');
    await expect.poll(() => stage.mock.chats.length).toBe(2);
    await answered(page);
    await page.keyboard.press('Control+,');
    await page.getByRole('dialog', { name: 'Settings' }).waitFor();
  });

  test.each(['light', 'dark'] as const)('axe-core finds nothing, %s', async (colorScheme) => {
    stage.mock.scenarios.push(
      { reasoning: ['Hm.'], pieces: ['# Title\n\ntext with `code`, [a link](https://example.org)\n\n- item\n\n```py\nx = "a"  # b\n```\n\n| a | b |\n|---|--:|\n| 1 | 2 |\n'], levin: { cost_usd: '0.1' } },
      { status: 429, headers: { 'Retry-After': '60' }, body: { error: { message: 'Full.' } } },
    );
    const page = await stage.visit({ colorScheme });
    expect(await violations(page)).toEqual([]);
    await ask(page, 'Hello');
    await answered(page);
    await lastAnswer(page).locator('.hljs-string').waitFor();
    await lastAnswer(page).locator('.meter summary').click();
    await lastAnswer(page).locator('.thinking summary').click();
    await ask(page, 'And again');
    await page.getByText('The server is busy.').waitFor();
    await dropFile(page, 'sky.txt', 'Clouds.');
    expect(await violations(page)).toEqual([]);
    for (const name of ['Settings', 'Keyboard shortcuts', 'Export and import', 'Sign in with a key']) {
      await page.getByRole('button', { name, exact: true }).click();
      expect(await violations(page), name).toEqual([]);
      await page.keyboard.press('Escape');
    }
  });

  test('follows the system into the dark, unless told otherwise', async () => {
    const page = await stage.visit({ colorScheme: 'dark' });
    const background = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await background();
    await page.emulateMedia({ colorScheme: 'light' });
    const light = await background();
    expect(light).not.toBe(dark);
    await page.keyboard.press('Alt+t');
    await page.keyboard.press('Alt+t');
    await expect.poll(background).toBe(dark);
    await page.reload();
    await page.waitForSelector('#composer');
    expect(await background()).toBe(dark);
  });

  test('fits a phone', async () => {
    stage.mock.scenarios.push({ pieces: ['```\n' + 'long line '.repeat(40) + '\n```\n\n| a | b |\n|---|---|\n| ' + 'wide'.repeat(60) + ' | x |\n\n' + 'unbroken'.repeat(40)] });
    const page = await stage.visit({ width: 360, height: 700 });
    await ask(page, 'Hello '.repeat(30));
    await answered(page);
    await expectNoSidewaysScroll(page);
    await page.getByRole('button', { name: 'Show or hide conversations' }).click();
    await page.getByRole('link', { name: /Hello/ }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    await page.getByRole('link', { name: /Hello/ }).waitFor({ state: 'hidden' });
    await expectNoSidewaysScroll(page);
    await page.getByRole('button', { name: 'New chat' }).click();
    await page.getByText('What shall we read?').waitFor();
  });
});
