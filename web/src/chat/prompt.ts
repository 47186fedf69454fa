// The shown path of a conversation -> the request for its next answer.
import type { ApiMessage, ChatRequest } from '../api/types';
import type { AssistantMessage, Attachment, ChatSettings, Message } from './types';

/**
 * The template that DeepSeek gives for uploaded files (README of DeepSeek-R1), one per document, the
 * question after the last.
 */
function named(documents: readonly Attachment[]): string {
  return documents
    .map(
      (document) =>
        `[file name]: ${document.name}\n[file content begin]\n${document.text}\n[file content end]\n`,
    )
    .join('');
}

/**
 * A user's text with its documents in front, so that the next question about the same documents
 * finds them in the prefix cache. One document goes in as it is, as `levin ask` does; several get
 * their names.
 */
export function withDocuments(
  text: string,
  documents: readonly Attachment[],
  form: ChatSettings['documents'],
): string {
  if (documents.length === 0) return text;
  if (form === 'auto' && documents.length === 1) return `${documents[0]?.text ?? ''}\n\n${text}`;
  return named(documents) + text;
}

/**
 * As `levin ask` does: the small models that know only the marks of user and assistant, and cannot
 * think, have learned to find the document ahead of the conversation.
 */
function goesFirst(form: ChatSettings['documents'], canThink: boolean): boolean {
  return form === 'system' || (form === 'auto' && !canThink);
}

function toApiMessages(
  path: readonly Message[],
  settings: ChatSettings,
  canThink: boolean,
): ApiMessage[] {
  const asSystem = goesFirst(settings.documents, canThink);
  const system = [settings.system.trim()];
  const turns: ApiMessage[] = [];
  for (const message of path) {
    if (message.role === 'user') {
      if (asSystem) system.push(...message.attachments.map((document) => document.text));
      turns.push({
        role: 'user',
        content: asSystem
          ? message.content
          : withDocuments(message.content, message.attachments, settings.documents),
      });
    } else if (message.content !== '') {
      turns.push({ role: 'assistant', content: message.content });
    }
  }
  const text = system.filter((part) => part !== '').join('\n\n');
  return text === '' ? turns : [{ role: 'system', content: text }, ...turns];
}

/** `path` ends with the user's message that is to be answered. */
export function makeRequest(
  path: readonly Message[],
  settings: ChatSettings,
  model: string,
  canThink: boolean,
): ChatRequest {
  return {
    model,
    messages: toApiMessages(path, settings, canThink),
    ...(canThink && settings.thinking ? { thinking: { type: 'enabled' } as const } : {}),
    ...(settings.temperature !== null ? { temperature: settings.temperature } : {}),
    ...(settings.topP !== null ? { top_p: settings.topP } : {}),
    ...(settings.maxTokens !== null ? { max_tokens: settings.maxTokens } : {}),
    ...(settings.frequencyPenalty !== null ? { frequency_penalty: settings.frequencyPenalty } : {}),
    ...(settings.presencePenalty !== null ? { presence_penalty: settings.presencePenalty } : {}),
    ...(settings.stop.length > 0 ? { stop: settings.stop } : {}),
  };
}

/**
 * The request for the rest of `answer`, to the question that ends `path`. A model that thinks gets its
 * thoughts back, and goes on with them if it had not come further.
 */
export function makeContinuation(
  path: readonly Message[],
  answer: AssistantMessage,
  settings: ChatSettings,
  model: string,
  canThink: boolean,
): ChatRequest {
  const { content, reasoning } = answer;
  const isThinking = canThink && reasoning !== '';
  const request = makeRequest(path, { ...settings, thinking: isThinking }, model, canThink);
  const prefix: ApiMessage = { role: 'assistant', content, prefix: true };
  return {
    ...request,
    // Said also where it is off: some models think by their name.
    ...(canThink ? { thinking: { type: isThinking ? 'enabled' : 'disabled' } as const } : {}),
    messages: [...request.messages, isThinking ? { ...prefix, reasoning_content: reasoning } : prefix],
  };
}

/** The first line of a text, short enough for a list. */
export function titleOf(text: string): string {
  const line = text.trim().split('\n')[0]?.trim() ?? '';
  if (line === '') return 'New chat';
  return line.length > 60 ? `${line.slice(0, 57).trimEnd()}…` : line;
}
