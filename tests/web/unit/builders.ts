// Small conversations for the tests.
import { defaultSettings, type AssistantMessage, type Attachment, type Conversation, type UserMessage } from '../../../web/src/chat/types';

export function conversation(id = 'c', title = 'Title', updatedAt = 1): Conversation {
  return { id, title, createdAt: 1, updatedAt, settings: defaultSettings, selected: {} };
}

export function document(name: string, text: string): Attachment {
  return { id: name, name, text, tokens: null };
}

export function user(id: string, parentId: string | null, content: string, createdAt = 1, attachments: Attachment[] = []): UserMessage {
  return { id, conversationId: 'c', parentId, createdAt, role: 'user', content, attachments };
}

export function assistant(id: string, parentId: string, content: string, createdAt = 2): AssistantMessage {
  return {
    id,
    conversationId: 'c',
    parentId,
    createdAt,
    role: 'assistant',
    content,
    reasoning: '',
    reasoningMs: null,
    model: 'mini',
    attention: 'sparse',
    state: 'done',
    meter: null,
    failure: null,
  };
}
