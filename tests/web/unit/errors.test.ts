// Every failure is a sentence with an action.
import { describe, expect, test } from 'vitest';
import { describeResponse, describeStatus, describeStreamError, parseRetryAfter, withAnswerLimit } from '../../../web/src/api/errors';
import { dayGroup, formatPercent, formatSeconds, formatTokens, formatUsd } from '../../../web/src/views/format';

describe('describeStatus', () => {
  test.each([
    [401, 'This server wants a key.', 'sign-in'],
    [402, 'The balance of this key does not suffice.', 'sign-in'],
    [403, 'The server refuses this page.', 'retry'],
    [413, 'This is longer than the model can read.', 'shorten'],
    [422, 'The server does not accept this request.', 'settings'],
    [429, 'The server is busy.', 'retry'],
    [500, 'The server failed on this request.', 'retry'],
    [503, 'The server is overloaded or still starting.', 'retry'],
    [418, 'The server refused the request (418).', 'retry'],
  ])('%i', (status, title, action) => {
    expect(describeStatus(status, {})).toMatchObject({ title, action });
  });

  test('a balance that does not suffice: what the server said, then what to do', () => {
    const error = { message: 'it may cost 2 USD and 1.5 USD are available; top up, or lower max_tokens' };
    const failure = describeStatus(402, { error });
    expect(failure.action).toBe('balance');
    expect(failure.detail).toMatch(/^The server says: it may cost .* lower max_tokens\. Lower the longest answer in the settings, .*levin keys topup/);
  });

  test('a balance that is used up: a shorter answer is no advice', () => {
    const error = { message: 'the balance is used up: 0 USD are available, less than the smallest request may cost; top up' };
    const failure = describeStatus(402, { error });
    expect(failure.action).toBe('sign-in');
    expect(failure.detail).toMatch(/ top up\. To go on, ask whoever runs the server .*levin keys topup/);
    for (const { detail } of [failure, describeStatus(402, {})]) expect(detail).not.toContain('longest answer');
  });

  test('a server that shuts down says so', () => {
    expect(describeStatus(503, { error: { code: 'shutting_down' } }).title).toBe('The server is shutting down.');
  });

  test('knows a context that is too long by its code', () => {
    const error = { message: 'the prompt has 200000', code: 'context_length_exceeded' };
    expect(describeStatus(400, { error })).toMatchObject({ action: 'shorten', detail: 'the prompt has 200000' });
    expect(describeStatus(400, { error: { message: 'not JSON' } }).action).toBe('settings');
  });
});

describe('a longest answer that the context has no room for', () => {
  const message = 'the context of this model is 4096 tokens; the prompt has 9 and max_tokens is 65536; shorten the prompt or lower max_tokens';
  const tooLong = describeStatus(400, { error: { code: 'context_length_exceeded', message } });

  test('leads to the settings', () => {
    const failure = withAnswerLimit(tooLong, 65536, 4096);
    expect(failure).toMatchObject({ action: 'settings', title: 'The longest answer leaves no room for a question.' });
    expect(failure.detail).toBe('It is 65,536 tokens in the settings; question and answer together may have 4,096. Lower it there, or empty the field.');
  });

  test('may be what has to change, if the model can hold it or its context is not known', () => {
    for (const context of [128_000, null]) {
      const failure = withAnswerLimit(tooLong, 65536, context);
      expect(failure).toMatchObject({ action: 'shorten-or-lower', title: tooLong.title });
      expect(failure.detail).toMatch(/lower max_tokens\. The longest answer in the settings, 65,536 tokens, counts too\.$/);
    }
  });

  test('is not to blame if there is none, or the prompt alone is too long', () => {
    expect(withAnswerLimit(tooLong, null, 4096)).toBe(tooLong);
    const alone = { ...tooLong, detail: 'the context of this model is 4096 tokens, and the prompt has more; shorten the prompt' };
    expect(withAnswerLimit(alone, 65536, 4096)).toBe(alone);
  });
});

describe('describeStreamError', () => {
  test('says what happened', () => {
    expect(describeStreamError({ message: 'the request was cancelled', type: 'overloaded_error' })).toMatchObject({
      title: 'The server is stopping or short of memory.',
      detail: 'the request was cancelled. What has arrived is kept above; try again in a moment.',
      action: 'retry',
    });
    const titles = [{ code: 'insufficient_system_resource' }, { type: 'rate_limit_error' }, { type: 'server_error' }, {}].map((error) => describeStreamError(error).title);
    expect(titles).toEqual([
      'The server is stopping or short of memory.',
      'The server is busy.',
      'The server failed on this request.',
      'The server failed on this request.',
    ]);
    const overflow = { type: 'invalid_request_error', code: 'context_length_exceeded' };
    expect(describeStreamError(overflow).action).toBe('shorten');
  });
});

describe('describeResponse', () => {
  test('reads body, Retry-After and request id', async () => {
    const response = new Response('{"error":{"message":"All places are taken."}}', {
      status: 429,
      headers: { 'Retry-After': '7', 'X-Request-Id': 'req-1' },
    });
    const failure = await describeResponse(response, 1000);
    expect(failure).toMatchObject({ detail: 'All places are taken.', retryAt: 8000, requestId: 'req-1' });
  });

  test('manages with a body that is no JSON', async () => {
    expect((await describeResponse(new Response('<html>', { status: 502 }), 0)).title).toBe('The server failed on this request.');
  });

  test('takes Retry-After as seconds or as a date', () => {
    expect(parseRetryAfter('5', 1000)).toBe(6000);
    expect(parseRetryAfter('Thu, 01 Jan 1970 00:01:00 GMT', 1000)).toBe(60_000);
    expect(parseRetryAfter('soon', 0)).toBeNull();
    expect(parseRetryAfter(null, 0)).toBeNull();
  });
});

describe('figures', () => {
  test('money keeps two digits that count', () => {
    expect([0, 0.000000034, 0.0029362, 0.0277, 1.5].map(formatUsd)).toEqual(['$0', '$0.000000034', '$0.0029', '$0.028', '$1.50']);
  });

  test('shares never round up to everything', () => {
    expect([0, 0.0208, 0.5, 0.9996, 1].map(formatPercent)).toEqual(['0 %', '2.1 %', '50 %', '99.96 %', '100 %']);
  });

  test('times and counts', () => {
    expect([640, 1500, 12_300, 75_000].map(formatSeconds)).toEqual(['640 ms', '1.5 s', '12 s', '1 min 15 s']);
    expect([1, 98_304].map(formatTokens)).toEqual(['1 token', '98,304 tokens']);
  });

  test('days', () => {
    const noon = new Date(2026, 5, 15, 12).getTime();
    const hour = 3_600_000;
    expect([1, 13, 60, 24 * 30].map((hours) => dayGroup(noon - hours * hour, noon))).toEqual(['Today', 'Yesterday', 'Last 7 days', 'Earlier']);
  });
});
