// Whatever can go wrong with a request -> one sentence and what to do about it.
import type { ApiErrorBody } from './types';

export type FailureAction = 'sign-in' | 'balance' | 'retry' | 'shorten' | 'settings' | 'none';

/** Plain data, because it is stored with the message that it ended. */
export interface Failure {
  status: number;
  title: string;
  detail: string;
  action: FailureAction;
  /** When the server asked to try again, in ms since the epoch. */
  retryAt: number | null;
  requestId: string | null;
}

/** A failure on its way through the code. */
export class RequestError extends Error {
  constructor(readonly failure: Failure) {
    super(`${failure.title} ${failure.detail}`);
  }
}

function make(status: number, title: string, detail: string, action: FailureAction): Failure {
  return { status, title, detail, action, retryAt: null, requestId: null };
}

export function networkFailure(): Failure {
  return make(
    0,
    'The server does not answer.',
    'Check that levin serve is running and that this device can reach it.',
    'retry',
  );
}

export function brokenStreamFailure(): Failure {
  return make(
    0,
    'The connection ended before the answer did.',
    'What has arrived is kept above.',
    'retry',
  );
}

/** `Retry-After` is a number of seconds or a date; null if it is neither. */
export function parseRetryAfter(header: string | null, now: number): number | null {
  if (!header) return null;
  if (/^\d+$/.test(header.trim())) return now + Number(header) * 1000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? null : Math.max(date, now);
}

function isContextOverflow(error: ApiErrorBody['error']): boolean {
  if (/context_(length|too_long)/.test(error?.code ?? '')) return true;
  return /context/i.test(error?.message ?? '') && /token/i.test(error?.message ?? '');
}

/** The server reserves the most that a request may cost: a shorter answer may be within the balance. */
function balanceDetail(said: string): string {
  const quoted = said === '' ? '' : `The server says: ${said}${/[.!?]$/.test(said) ? '' : '.'} `;
  return `${quoted}Lower the longest answer in the settings, ask whoever runs the server to top the key up (levin keys topup), or sign in with another key.`;
}

/** The failure that a status and an error body mean. */
export function describeStatus(status: number, body: ApiErrorBody): Failure {
  const said = body.error?.message ?? '';
  switch (status) {
    case 400:
    case 413:
    case 422:
      if (status === 413 || isContextOverflow(body.error)) {
        const detail = said || 'The server refused a request of this size.';
        return make(status, 'This is longer than the model can read.', detail, 'shorten');
      }
      return make(
        status,
        'The server does not accept this request.',
        said || 'It did not say why.',
        'settings',
      );
    case 401:
      return make(status, 'This server wants a key.', said, 'sign-in');
    case 402:
      return make(status, 'The balance of this key does not suffice.', balanceDetail(said), 'balance');
    case 403:
      return make(status, 'The server refuses this page.', said, 'retry');
    case 429:
      return make(status, 'The server is busy.', said, 'retry');
    case 503:
      return make(status, 'The server is overloaded or still starting.', said, 'retry');
    default:
      if (status >= 500) {
        return make(status, 'The server failed on this request.', said, 'retry');
      }
      return make(status, `The server refused the request (${status}).`, said, 'retry');
  }
}

/** Reads an answer that is not a success. */
export async function describeResponse(response: Response, now: number): Promise<Failure> {
  let body: ApiErrorBody = {};
  try {
    const parsed: unknown = await response.json();
    if (parsed && typeof parsed === 'object') body = parsed as ApiErrorBody;
  } catch {
    // Not JSON: the status alone has to say it.
  }
  const failure = describeStatus(response.status, body);
  failure.retryAt = parseRetryAfter(response.headers.get('retry-after'), now);
  failure.requestId = response.headers.get('x-request-id');
  return failure;
}
