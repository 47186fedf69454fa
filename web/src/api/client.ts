// The requests that the page makes, all to its own origin.
import { brokenStreamFailure, describeResponse, describeStreamError, networkFailure, RequestError } from './errors';
import { readEvents } from './sse';
import { numberOrNull, type Balance, type ChatChunk, type ChatRequest, type ModelInfo } from './types';

async function request(path: string, key: string | null, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers);
  if (key) headers.set('Authorization', `Bearer ${key}`);
  if (init.body) headers.set('Content-Type', 'application/json');
  let response: Response;
  try {
    response = await fetch(path, { ...init, headers, credentials: 'omit', cache: 'no-store' });
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestError(networkFailure());
  }
  if (!response.ok) throw new RequestError(await describeResponse(response, Date.now()));
  return response;
}

async function requestJson(path: string, key: string | null, init: RequestInit = {}): Promise<unknown> {
  const response = await request(path, key, init);
  try {
    return await response.json();
  } catch (error) {
    if (init.signal?.aborted) throw error;
    throw new RequestError(networkFailure());
  }
}

/**
 * Streams the chunks of an answer. Throws RequestError when the server refuses, goes away or reports
 * an error inside the stream; an AbortError when the signal stops it. Only the beta API goes on with
 * an answer.
 */
export async function* streamChat(
  body: ChatRequest,
  key: string | null,
  signal: AbortSignal,
): AsyncGenerator<ChatChunk> {
  const api = body.messages.at(-1)?.prefix ? '/beta' : '/v1';
  const response = await request(`${api}/chat/completions`, key, {
    method: 'POST',
    signal,
    body: JSON.stringify({
      ...body,
      stream: true,
      stream_options: { include_usage: true, include_progress: true },
    }),
  });
  if (!response.body) throw new RequestError(networkFailure());
  try {
    for await (const event of readEvents(response.body)) {
      if (event.data === '[DONE]') return;
      const chunk = JSON.parse(event.data) as ChatChunk;
      if (chunk.error) throw new RequestError(describeStreamError(chunk.error));
      yield chunk;
    }
  } catch (error) {
    if (signal.aborted || error instanceof RequestError) throw error;
    throw new RequestError(brokenStreamFailure());
  }
  throw new RequestError(brokenStreamFailure());
}

function toModelInfo(entry: Record<string, unknown>): ModelInfo {
  const levin = (entry['levin'] ?? {}) as Record<string, unknown>;
  const attention = levin['attention'];
  return {
    id: String(entry['id'] ?? ''),
    contextTokens: numberOrNull(levin['context_tokens']) ?? numberOrNull(entry['context_length']),
    attention: attention === 'dense' || attention === 'sparse' ? attention : null,
    canThink: typeof levin['can_think'] === 'boolean' ? levin['can_think'] : null,
  };
}

export async function listModels(key: string | null): Promise<ModelInfo[]> {
  const body = (await requestJson('/v1/models', key)) as { data?: Record<string, unknown>[] };
  return (body.data ?? []).map(toModelInfo).filter((model) => model.id !== '');
}

export async function countTokens(
  text: string,
  key: string | null,
  signal: AbortSignal,
): Promise<number> {
  const body = (await requestJson('/tokenize', key, {
    method: 'POST',
    body: JSON.stringify({ prompt: text, add_special_tokens: false, return_tokens: false }),
    signal,
  })) as { count?: unknown; tokens?: unknown };
  const count = numberOrNull(body.count);
  if (count !== null) return count;
  return Array.isArray(body.tokens) ? body.tokens.length : 0;
}

/** Null if the server keeps no balance for this key. */
export async function fetchBalance(key: string | null): Promise<Balance | null> {
  const body = (await requestJson('/user/balance', key)) as {
    balance_infos?: { currency?: string; total_balance?: string }[];
  };
  const first = body.balance_infos?.[0];
  return first?.total_balance === undefined
    ? null
    : { currency: first.currency ?? 'USD', total: first.total_balance };
}
