// What goes over the wire: DeepSeek's chat API with Levin's additions. Every field of an answer may
// be absent, because the page also runs against servers that know less.

export interface ApiMessage {
  role: 'system' | 'user' | 'assistant';
  content: string;
  /** Of the last message, an assistant's: the answer goes on where it ends. */
  prefix?: true;
  reasoning_content?: string;
}

export interface ChatRequest {
  model: string;
  messages: ApiMessage[];
  thinking?: { type: 'enabled' | 'disabled' };
  temperature?: number;
  top_p?: number;
  max_tokens?: number;
  frequency_penalty?: number;
  presence_penalty?: number;
  stop?: string[];
}

export interface Usage {
  prompt_tokens?: number;
  prompt_cache_hit_tokens?: number;
  prompt_cache_miss_tokens?: number;
  completion_tokens?: number;
  total_tokens?: number;
  completion_tokens_details?: { reasoning_tokens?: number };
}

/** Levin's own part of a chunk: progress of the prefill, and figures with the usage. */
export interface LevinFields {
  prompt_tokens_done?: number;
  prompt_tokens?: number;
  time_to_first_token_ms?: number;
  decode_tokens_per_s?: number;
  context_share_read?: number;
  /** Money is a decimal text, so that no digit is lost. */
  cost_usd?: string | number;
  cost_without_cache_usd?: string | number;
}

export interface ChatChunk {
  model?: string;
  choices?: {
    delta?: { content?: string | null; reasoning_content?: string | null };
    finish_reason?: string | null;
  }[];
  usage?: Usage | null;
  levin?: LevinFields;
  error?: ApiErrorBody['error'];
}

export interface ApiErrorBody {
  error?: { message?: string; type?: string; code?: string | null; param?: string | null };
}

export interface ModelInfo {
  id: string;
  /** Longest context, prompt and answer together. */
  contextTokens: number | null;
  /** How attention reads the context; null if the server does not say. */
  attention: 'dense' | 'sparse' | null;
  /** False if the model cannot think; null if the server does not say. */
  canThink: boolean | null;
}

export interface Balance {
  currency: string;
  total: string;
}

/** A number, also one that was sent as text; null for anything else. */
export function numberOrNull(value: unknown): number | null {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : null;
}
