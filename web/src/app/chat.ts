// Actions on the shown conversation: send, regenerate, edit, choose a branch.
import { batch } from '@preact/signals';
import { streamChat } from '../api/client';
import { RequestError, withAnswerLimit, type Failure } from '../api/errors';
import { AnswerCollector } from '../chat/answer';
import { ancestorsOf, select } from '../chat/branches';
import { newId } from '../chat/ids';
import { makeContinuation, makeRequest, titleOf } from '../chat/prompt';
import type { AnswerState, AssistantMessage, Attachment, ChatSettings, Conversation, Message, UserMessage } from '../chat/types';
import { find, keep } from './library';
import { begin, end } from './running';
import { connect, refreshBalance, waitForModels } from './server';
import { announcement, apiKey, current, currentId, dialog, draftSettings, live, messages, modelFor, models, path, serverFailure, streamingId, type LiveAnswer } from './state';

/** While an answer streams it is stored this often, so that a crash loses little. */
const saveEveryMs = 2000;

function setLive(id: string, answer: LiveAnswer | null): void {
  const next = new Map(live.value);
  if (answer) next.set(id, answer);
  else next.delete(id);
  live.value = next;
}

function newConversation(title: string): Conversation {
  const now = Date.now();
  const id = newId();
  return { id, title, createdAt: now, updatedAt: now, settings: draftSettings.value, selected: {} };
}

/** Which model answers, and how; a page that has just been opened does not know it yet. */
function answering(settings: ChatSettings): Pick<AssistantMessage, 'model' | 'attention'> {
  const chosen = modelFor(settings);
  return { model: chosen?.id ?? '', attention: chosen?.attention ?? null };
}

function newAnswer(question: UserMessage, settings: ChatSettings): AssistantMessage {
  return {
    id: newId(),
    conversationId: question.conversationId,
    parentId: question.id,
    createdAt: Date.now(),
    role: 'assistant',
    content: '',
    reasoning: '',
    reasoningMs: null,
    ...answering(settings),
    state: 'streaming',
    meter: null,
    failure: null,
  };
}

/** Adds the question below `parentId` and answers it. */
async function ask(conversation: Conversation, parentId: string | null, text: string, attachments: Attachment[]): Promise<void> {
  const question: UserMessage = {
    id: newId(),
    conversationId: conversation.id,
    parentId,
    createdAt: Date.now(),
    role: 'user',
    content: text,
    attachments,
  };
  await answer(select(conversation, question), question, [question]);
}

/** Sends a text with its documents as the next message. */
export async function send(text: string, attachments: Attachment[]): Promise<void> {
  const last = path.value.at(-1);
  let conversation = current.value;
  if (!conversation) {
    conversation = newConversation(titleOf(text || (attachments[0]?.name ?? '')));
    const { id } = conversation;
    batch(() => {
      currentId.value = id;
      messages.value = [];
    });
    history.pushState(null, '', `#/c/${id}`);
  }
  await ask(conversation, last?.id ?? null, text, attachments);
}

/** A new answer beside an old one; not while another is under way, which would go on unseen. */
export async function regenerate(old: AssistantMessage): Promise<void> {
  if (streamingId.value !== null) return;
  const conversation = find(old.conversationId);
  const question = messages.value.find((message) => message.id === old.parentId);
  if (!conversation || question?.role !== 'user') return;
  await answer(conversation, question, []);
}

/** A changed question beside the old one. Not while an answer is under way. */
export async function edit(old: UserMessage, text: string, attachments: Attachment[]): Promise<void> {
  if (streamingId.value !== null) return;
  const conversation = find(old.conversationId);
  if (conversation) await ask(conversation, old.parentId, text, attachments);
}

/** Goes on with the last answer, which has ended too early: what comes is added to it. */
export async function continueAnswer(cut: AssistantMessage): Promise<void> {
  if (streamingId.value !== null) return;
  const conversation = find(cut.conversationId);
  if (conversation) await start(conversation, { ...cut, state: 'streaming', failure: null }, [], messages.value);
}

export async function chooseBranch(message: Message): Promise<void> {
  const conversation = find(message.conversationId);
  if (conversation) await keep(select(conversation, message), []);
}

async function answer(before: Conversation, question: UserMessage, added: Message[]): Promise<void> {
  const message = newAnswer(question, before.settings);
  const known = [...messages.value.filter((other) => other.id !== question.id), question];
  await start(select(before, message), message, added, known);
}

/** Brings an answer on its way; `known` has the messages before it. */
async function start(before: Conversation, message: AssistantMessage, added: Message[], known: Message[]): Promise<void> {
  const conversation = { ...before, updatedAt: Date.now() };
  const turns = ancestorsOf(known, message);
  const signal = begin(message);
  const { content, reasoning } = message;
  setLive(message.id, { content, reasoning, progress: null, hasStarted: false });
  await keep(conversation, [...added, message]);
  announcement.value = 'Waiting for the answer.';
  await follow(message, turns, conversation.settings, signal);
}

interface Outcome {
  state: AnswerState;
  failure: Failure | null;
}

function toOutcome(error: unknown, isAborted: boolean, settings: ChatSettings): Outcome {
  if (isAborted) return { state: 'stopped', failure: null };
  if (error instanceof RequestError) {
    const { maxTokens } = settings;
    const failure = withAnswerLimit(error.failure, maxTokens, modelFor(settings)?.contextTokens ?? null);
    return { state: 'failed', failure };
  }
  const failure: Failure = {
    status: 0,
    title: 'The page failed while it read the answer.',
    detail: String(error),
    action: 'retry',
    retryAt: null,
    requestId: null,
  };
  return { state: 'failed', failure };
}

/** Asks for the answer to the last of `turns`, or for the rest of it, and keeps what comes of it. */
async function follow(begun: AssistantMessage, turns: Message[], chosen: ChatSettings, signal: AbortSignal): Promise<void> {
  const isBegun = begun.content !== '' || begun.reasoning !== '';
  // Who has begun an answer goes on with it.
  const settings = isBegun ? { ...chosen, model: begun.model } : chosen;
  let message = begun;
  const collector = new AnswerCollector(performance.now(), begun);
  let savedAt = performance.now();
  let outcome: Outcome;
  try {
    await waitForModels(signal);
    if (models.value.length > 0) message = { ...begun, ...answering(settings) };
    const canThink = modelFor(settings)?.canThink !== false;
    const request = isBegun
      ? makeContinuation(turns, message, settings, message.model, canThink)
      : makeRequest(turns, settings, message.model, canThink);
    for await (const chunk of streamChat(request, apiKey.value, signal)) {
      const now = performance.now();
      collector.add(chunk, now);
      const { content, reasoning, progress, hasStarted } = collector;
      setLive(message.id, { content, reasoning, progress, hasStarted });
      if (now - savedAt > saveEveryMs) {
        savedAt = now;
        await store(message, collector, { state: 'streaming', failure: null });
      }
    }
    outcome = { state: collector.state, failure: collector.failure };
  } catch (error) {
    outcome = toOutcome(error, signal.aborted, settings);
  }
  await store(message, collector, outcome);
  end(message.id);
  setLive(message.id, null);
  finish(outcome);
}

async function store(message: AssistantMessage, collector: AnswerCollector, outcome: Outcome): Promise<void> {
  const conversation = find(message.conversationId);
  if (!conversation) return;
  const now = performance.now();
  const done: AssistantMessage = {
    ...message,
    content: collector.content,
    reasoning: collector.reasoning,
    reasoningMs: collector.reasoningMs(now),
    state: outcome.state,
    meter: collector.meter(outcome.state),
    failure: outcome.failure,
  };
  await keep(conversation, [done]);
}

function finish(outcome: Outcome): void {
  const said: Record<AnswerState, string> = {
    streaming: '',
    done: 'The answer is complete.',
    cut: 'The answer reached its length limit.',
    stopped: 'The answer was stopped.',
    // The failure itself is an alert.
    failed: '',
  };
  announcement.value = said[outcome.state];
  if (outcome.failure?.status === 401) dialog.value = 'sign-in';
  if (outcome.failure?.status === 0 || serverFailure.value !== null) void connect();
  else void refreshBalance();
}
