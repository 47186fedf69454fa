// Whatever can go wrong with a request -> one sentence and what to do about it.
import type { ApiErrorBody } from './types';

/** `shorten-or-lower`: a shorter conversation helps, or a shorter longest answer in the settings. */
export type FailureAction = 'sign-in' | 'balance' | 'retry' | 'shorten' | 'shorten-or-lower' | 'settings' | 'none';

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

/** The end of an answer that the server did not want to finish. */
export function endedByServerFailure(): Failure {
  return make(
    503,
    'The server ended this answer.',
    'It is stopping or short of memory. What has arrived is kept above.',
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

function sentence(text: string): string {
  return text === '' || /[.!?]$/.test(text) ? text : `${text}.`;
}

/**
 * The server reserves the most that a request may cost: a shorter answer may be within the balance, if
 * it says so. Once the balance is used up it does not.
 */
function balanceFailure(status: number, said: string): Failure {
  const mayLower = said.includes('max_tokens');
  const quoted = said === '' ? '' : `The server says: ${sentence(said)} `;
  const first = mayLower ? 'Lower the longest answer in the settings' : 'To go on';
  const detail = `${quoted}${first}, ask whoever runs the server to top the key up (levin keys topup), or sign in with another key.`;
  return make(status, 'The balance of this key does not suffice.', detail, mayLower ? 'balance' : 'sign-in');
}

/**
 * The longest answer counts to the context, unless the server speaks of the prompt alone. If the
 * settings name one, that may be what has to change; if it fills the context, nothing else helps.
 */
export function withAnswerLimit(failure: Failure, maxTokens: number | null, contextTokens: number | null): Failure {
  if (failure.action !== 'shorten' || maxTokens === null || !failure.detail.includes('max_tokens')) return failure;
  const asked = maxTokens.toLocaleString('en-US');
  if (contextTokens === null || maxTokens < contextTokens) {
    const detail = `${sentence(failure.detail)} The longest answer in the settings, ${asked} tokens, counts too.`;
    return { ...failure, detail, action: 'shorten-or-lower' };
  }
  return {
    ...failure,
    title: 'The longest answer leaves no room for a question.',
    detail: `It is ${asked} tokens in the settings; question and answer together may have ${contextTokens.toLocaleString('en-US')}. Lower it there, or empty the field.`,
    action: 'settings',
  };
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
      return balanceFailure(status, said);
    case 403:
      return make(status, 'The server refuses this page.', said, 'retry');
    case 429:
      return make(status, 'The server is busy.', said, 'retry');
    case 503:
      return body.error?.code === 'shutting_down'
        ? make(status, 'The server is shutting down.', said, 'retry')
        : make(status, 'The server is overloaded or still starting.', said, 'retry');
    default:
      if (status >= 500) {
        return make(status, 'The server failed on this request.', said, 'retry');
      }
      return make(status, `The server refused the request (${status}).`, said, 'retry');
  }
}

/** The status that a response had had, by the type or code of its error. */
const statuses = new Map([
  ['invalid_request_error', 400],
  ['authentication_error', 401],
  ['insufficient_balance', 402],
  ['permission_error', 403],
  ['rate_limit_error', 429],
  ['overloaded_error', 503],
  ['insufficient_system_resource', 503],
]);

/** The failure that an error inside a stream means: it comes without a status. */
export function describeStreamError(error: NonNullable<ApiErrorBody['error']>): Failure {
  const status = statuses.get(error.type ?? '') ?? statuses.get(error.code ?? '') ?? 500;
  if (status !== 503) return describeStatus(status, { error });
  const detail = `${sentence(error.message ?? '')} What has arrived is kept above; try again in a moment.`;
  return make(status, 'The server is stopping or short of memory.', detail.trim(), 'retry');
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
