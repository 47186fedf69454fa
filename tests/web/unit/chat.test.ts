// Branches of a conversation, its request, and the figures of an answer.
import { describe, expect, test } from 'vitest';
import type { ChatChunk } from '../../../web/src/api/types';
import { AnswerCollector } from '../../../web/src/chat/answer';
import { ancestorsOf, select, siblingsOf, visiblePath } from '../../../web/src/chat/branches';
import { decodeText, readDocument } from '../../../web/src/chat/documents';
import { newId } from '../../../web/src/chat/ids';
import { makeRequest, titleOf, withDocuments } from '../../../web/src/chat/prompt';
import { defaultSettings } from '../../../web/src/chat/types';
import { assistant, conversation, document, user } from './builders';

const question = user('q', null, 'Why?');
const first = assistant('a1', 'q', 'Because.', 2);
const second = assistant('a2', 'q', 'Therefore.', 3);
const followUp = user('q2', 'a1', 'Really?', 4);
const all = [question, first, second, followUp];

describe('branches', () => {
  test('the newest branch is shown unless another is selected', () => {
    expect(visiblePath(conversation(), all).map((message) => message.id)).toEqual(['q', 'a2']);
    const chosen = select(conversation(), first);
    expect(visiblePath(chosen, all).map((message) => message.id)).toEqual(['q', 'a1', 'q2']);
  });

  test('siblings come oldest first', () => {
    expect(siblingsOf(all, second).map((message) => message.id)).toEqual(['a1', 'a2']);
  });

  test('a question is answered from what stands before it', () => {
    expect(ancestorsOf(all, followUp).map((message) => message.id)).toEqual(['q', 'a1']);
  });

  test('a circle in broken data ends', () => {
    const one = user('one', 'two', 'x');
    const two = user('two', 'one', 'y');
    expect(ancestorsOf([one, two], one).length).toBeLessThan(4);
    expect(visiblePath(conversation(), [one, two])).toEqual([]);
  });
});

test('ids are UUIDs of version 4, each another', () => {
  const ids = Array.from({ length: 1000 }, newId);
  expect(new Set(ids).size).toBe(1000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

describe('makeRequest', () => {
  test('leaves out what the user did not set', () => {
    expect(makeRequest([question], defaultSettings, 'mini', true)).toEqual({
      model: 'mini',
      messages: [{ role: 'user', content: 'Why?' }],
    });
  });

  test('sends system prompt, sampling and thinking', () => {
    const settings = { ...defaultSettings, system: ' Be brief. ', temperature: 0, maxTokens: 9, thinking: true, stop: ['END'] };
    expect(makeRequest([question], settings, 'mini', true)).toEqual({
      model: 'mini',
      messages: [{ role: 'system', content: 'Be brief.' }, { role: 'user', content: 'Why?' }],
      thinking: { type: 'enabled' },
      temperature: 0,
      max_tokens: 9,
      stop: ['END'],
    });
    expect(makeRequest([question], settings, 'mini', false).thinking).toBeUndefined();
  });

  test('never sends thoughts or empty answers back', () => {
    const thought = { ...first, reasoning: 'Hm.' };
    const failed = assistant('a3', 'q2', '');
    const { messages } = makeRequest([question, thought, followUp, failed], defaultSettings, 'mini', true);
    expect(messages.map((message) => message.content)).toEqual(['Why?', 'Because.', 'Really?']);
  });

  test('puts documents first, so that the next question finds them in the cache', () => {
    const one = document('one.txt', 'Text.');
    expect(withDocuments('Why?', [one], 'auto')).toBe('Text.\n\nWhy?');
    expect(withDocuments('Why?', [one, document('two.txt', 'More.')], 'auto')).toBe(
      '[file name]: one.txt\n[file content begin]\nText.\n[file content end]\n' +
        '[file name]: two.txt\n[file content begin]\nMore.\n[file content end]\nWhy?',
    );
  });

  test('a model that cannot think finds them ahead of the conversation', () => {
    const asked = user('q', null, 'Why?', 1, [document('one.txt', 'Text.')]);
    const expected = [{ role: 'system', content: 'Text.' }, { role: 'user', content: 'Why?' }];
    expect(makeRequest([asked], defaultSettings, 'mini', false).messages).toEqual(expected);
    const settings = { ...defaultSettings, documents: 'system' as const };
    expect(makeRequest([asked], settings, 'mini', true).messages).toEqual(expected);
  });

  test('a title is the first line, and short', () => {
    expect(titleOf('  One\nTwo')).toBe('One');
    expect(titleOf('x'.repeat(80))).toHaveLength(58);
    expect(titleOf(' ')).toBe('New chat');
  });
});

describe('AnswerCollector', () => {
  const content = (text: string): ChatChunk => ({ choices: [{ delta: { content: text } }] });

  test('keeps thoughts and answer apart, and times them', () => {
    const collector = new AnswerCollector(100);
    collector.add({ choices: [{ delta: { reasoning_content: 'Hm' } }] }, 150);
    collector.add(content('Yes'), 250);
    expect([collector.reasoning, collector.content, collector.reasoningMs(999)]).toEqual(['Hm', 'Yes', 100]);
  });

  test('shows the progress of the prompt until the first token', () => {
    const collector = new AnswerCollector(0);
    collector.add({ choices: [], levin: { prompt_tokens_done: 64, prompt_tokens: 128 } }, 1);
    expect(collector.progress).toEqual({ done: 64, total: 128 });
    collector.add(content('Yes'), 2);
    expect(collector.progress).toBeNull();
  });

  test('takes the figures of the server, money as text', () => {
    const collector = new AnswerCollector(0);
    collector.add(content('Yes'), 50);
    collector.add(
      {
        choices: [],
        usage: { prompt_tokens: 128, prompt_cache_hit_tokens: 64, completion_tokens: 3 },
        levin: { time_to_first_token_ms: 40, decode_tokens_per_s: 7, context_share_read: 0.5, cost_usd: '0.000000280012', cost_without_cache_usd: '0.00001' },
      },
      60,
    );
    expect(collector.meter('done')).toMatchObject({ promptTokens: 128, cachedTokens: 64, timeToFirstTokenMs: 40, costUsd: 2.80012e-7, costWithoutCacheUsd: 0.00001 });
  });

  test('measures by itself what the server does not say', () => {
    const collector = new AnswerCollector(1000);
    collector.add(content('a'), 1500);
    collector.add(content('b'), 2500);
    collector.add({ choices: [], usage: { completion_tokens: 3 } }, 2500);
    expect(collector.meter('done')).toMatchObject({ timeToFirstTokenMs: 500, decodeTokensPerS: 2, costUsd: null });
  });

  test('without an end of the stream it knows how far the prompt was read', () => {
    const collector = new AnswerCollector(0);
    expect(collector.meter('stopped')).toBeNull();
    collector.add({ choices: [], levin: { prompt_tokens_done: 64, prompt_tokens: 128 } }, 1);
    expect(collector.meter('stopped')).toMatchObject({ promptTokens: 64, timeToFirstTokenMs: null });
    collector.add(content('Yes'), 50);
    expect(collector.meter('stopped')).toMatchObject({ promptTokens: 128, completionTokens: null, timeToFirstTokenMs: 50 });
    expect(collector.meter('failed')).toBeNull();
  });

  test('says when the answer was cut', () => {
    const collector = new AnswerCollector(0);
    collector.add({ choices: [{ delta: {}, finish_reason: 'length' }] }, 1);
    expect([collector.state, collector.failure]).toEqual(['cut', null]);
  });

  test('says when the server ended the answer', () => {
    const collector = new AnswerCollector(0);
    collector.add({ choices: [{ delta: {}, finish_reason: 'insufficient_system_resource' }] }, 1);
    expect(collector.state).toBe('failed');
    expect(collector.failure).toMatchObject({ title: 'The server ended this answer.', action: 'retry' });
  });
});

describe('documents', () => {
  test('text is UTF-8, or UTF-16 with a mark; anything else is not', () => {
    expect(decodeText(new TextEncoder().encode('Grüße'))).toBe('Grüße');
    expect(decodeText(new Uint8Array([0xff, 0xfe, 0x41, 0x00]))).toBe('A');
    expect(decodeText(new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0xff]))).toBeNull();
    expect(decodeText(new Uint8Array([0x50, 0x00, 0x4b]))).toBeNull();
  });

  test('a file that is no text gets one clear sentence', async () => {
    const png = new File([new Uint8Array([0x89, 0xff])], 'cat.png');
    await expect(readDocument(png)).rejects.toThrow(/^cat\.png is not a text file/);
    await expect(readDocument(new File([' \n'], 'blank.txt'))).rejects.toThrow('blank.txt is empty.');
  });
});
