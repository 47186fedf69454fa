// The state of one answer while its chunks arrive.
import { endedByServerFailure, type Failure } from '../api/errors';
import { numberOrNull, type ChatChunk, type LevinFields, type Usage } from '../api/types';
import type { AnswerState, AssistantMessage, Meter } from './types';

export interface Progress {
  done: number;
  total: number;
}

/** What is there of an answer before the chunks come. */
type Begun = Pick<AssistantMessage, 'content' | 'reasoning' | 'reasoningMs' | 'meter'>;

const nothing: Begun = { content: '', reasoning: '', reasoningMs: null, meter: null };

function sum(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : a + b;
}

/** The figures of an answer that was given in two parts; the second had the first in its prompt. */
function joined(first: Meter, second: Meter): Meter {
  return {
    ...second,
    promptTokens: first.promptTokens,
    cachedTokens: first.cachedTokens,
    completionTokens: sum(first.completionTokens, second.completionTokens),
    reasoningTokens: sum(first.reasoningTokens, second.reasoningTokens),
    timeToFirstTokenMs: first.timeToFirstTokenMs,
    costUsd: sum(first.costUsd, second.costUsd),
    costWithoutCacheUsd: sum(first.costWithoutCacheUsd, second.costWithoutCacheUsd),
  };
}

/** Collects chunks; knows nothing of views or storage. Times are ms of one clock. */
export class AnswerCollector {
  content: string;
  reasoning: string;
  progress: Progress | null = null;
  private finishReason: string | null = null;
  private usage: Usage | null = null;
  private levin: LevinFields = {};
  private firstTokenAt: number | null = null;
  private firstContentAt: number | null = null;
  private lastTokenAt = 0;

  constructor(
    private readonly startedAt: number,
    private readonly begun: Begun = nothing,
  ) {
    this.content = begun.content;
    this.reasoning = begun.reasoning;
  }

  add(chunk: ChatChunk, now: number): void {
    if (chunk.usage) this.usage = chunk.usage;
    if (chunk.levin) this.addLevin(chunk.levin);
    const choice = chunk.choices?.[0];
    if (!choice) return;
    const reasoning = choice.delta?.reasoning_content ?? '';
    const content = choice.delta?.content ?? '';
    if (reasoning !== '' || content !== '') {
      this.firstTokenAt ??= now;
      this.lastTokenAt = now;
      this.progress = null;
    }
    if (content !== '') this.firstContentAt ??= now;
    this.reasoning += reasoning;
    this.content += content;
    if (choice.finish_reason) this.finishReason = choice.finish_reason;
  }

  private addLevin(fields: LevinFields): void {
    const { prompt_tokens_done: done, prompt_tokens: total } = fields;
    if (done !== undefined && total !== undefined && this.firstTokenAt === null) {
      this.progress = { done: Math.min(done, total), total };
    }
    this.levin = { ...this.levin, ...fields };
  }

  get hasStarted(): boolean {
    return this.firstTokenAt !== null;
  }

  /**
   * True once there is something to tell. What the server failed at costs nothing: of a failed answer
   * only the server's own figures count.
   */
  private hasFigures(state: AnswerState): boolean {
    if (this.usage !== null) return true;
    return state !== 'failed' && (this.hasStarted || this.promptTokensRead !== null);
  }

  /** As the progress tells; all of the prompt once there is a token. Null if the stream tells none. */
  private get promptTokensRead(): number | null {
    const { prompt_tokens_done: done, prompt_tokens: total } = this.levin;
    return (this.hasStarted ? total : done) ?? null;
  }

  /** How long the model thought; null if it did not. */
  reasoningMs(now: number): number | null {
    const { reasoning, reasoningMs: before } = this.begun;
    if (this.reasoning === reasoning || this.firstTokenAt === null) return before;
    return (before ?? 0) + (this.firstContentAt ?? now) - this.firstTokenAt;
  }

  /** How an answer ended whose stream came to its end. */
  get state(): AnswerState {
    if (this.finishReason === 'length') return 'cut';
    return this.failure ? 'failed' : 'done';
  }

  /** Why the server ended the answer, if it did that for itself. */
  get failure(): Failure | null {
    return this.finishReason === 'insufficient_system_resource' ? endedByServerFailure() : null;
  }

  /** What the answer has cost; null while nothing is known. */
  meter(state: AnswerState): Meter | null {
    const before = this.begun.meter;
    if (!this.hasFigures(state)) return before;
    return before ? joined(before, this.figures()) : this.figures();
  }

  /** The server's figures; where it gives none, as after a stop, what was seen and measured here. */
  private figures(): Meter {
    const usage = this.usage ?? {};
    const completion = usage.completion_tokens ?? null;
    const first = this.firstTokenAt;
    const seconds = first === null ? 0 : (this.lastTokenAt - first) / 1000;
    const measured = completion !== null && completion > 1 && seconds > 0;
    return {
      promptTokens: usage.prompt_tokens ?? this.promptTokensRead,
      cachedTokens: usage.prompt_cache_hit_tokens ?? null,
      completionTokens: completion,
      reasoningTokens: usage.completion_tokens_details?.reasoning_tokens ?? null,
      timeToFirstTokenMs:
        this.levin.time_to_first_token_ms ?? (first === null ? null : first - this.startedAt),
      decodeTokensPerS:
        this.levin.decode_tokens_per_s ?? (measured ? (completion - 1) / seconds : null),
      contextShareRead: this.levin.context_share_read ?? null,
      costUsd: numberOrNull(this.levin.cost_usd),
      costWithoutCacheUsd: numberOrNull(this.levin.cost_without_cache_usd),
    };
  }
}
