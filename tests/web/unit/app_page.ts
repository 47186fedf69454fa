// The actions of the page without its views: a store in memory, and a server that answers when told.
import { vi } from 'vitest';
import type { ChatChunk, ChatRequest, LevinFields, Usage } from '../../../web/src/api/types';
import { newId } from '../../../web/src/chat/ids';

const TrueChannel = globalThis.BroadcastChannel;

/** A chat request whose answer the test gives piece by piece. */
export class FakeAnswer {
  isAborted = false;
  private readonly source: ReadableStreamDefaultController<Uint8Array>;
  readonly response: Response;

  constructor(
    readonly path: string,
    readonly body: ChatRequest,
    signal: AbortSignal | null | undefined,
  ) {
    let source!: ReadableStreamDefaultController<Uint8Array>;
    this.response = new Response(new ReadableStream({ start: (controller) => void (source = controller) }));
    this.source = source;
    signal?.addEventListener('abort', () => {
      this.isAborted = true;
      source.error(signal.reason);
    });
  }

  write(content: string): void {
    this.chunk({ choices: [{ delta: { content } }] });
  }

  chunk(chunk: ChatChunk): void {
    this.event(JSON.stringify(chunk));
  }

  /** `usage` comes in a chunk of its own. */
  end(finishReason = 'stop', usage?: Usage, levin?: LevinFields): void {
    this.chunk({ choices: [{ delta: {}, finish_reason: finishReason }] });
    if (usage) this.chunk({ choices: [], usage, ...(levin ? { levin } : {}) });
    this.event('[DONE]');
    this.source.close();
  }

  private event(data: string): void {
    this.source.enqueue(new TextEncoder().encode(`data: ${data}\n\n`));
  }
}

type Handler = (init: RequestInit) => Response | Promise<Response>;

/** Stands in for fetch. What no test replaces: one model, and no balance. */
export class FakeServer {
  readonly answers: FakeAnswer[] = [];
  readonly handlers: Record<string, Handler> = {
    '/v1/models': () => Response.json({ data: [{ id: 'mini' }] }),
    '/user/balance': () => Response.json({ balance_infos: [] }),
    '/v1/chat/completions': (init) => this.answer('/v1/chat/completions', init),
    '/beta/chat/completions': (init) => this.answer('/beta/chat/completions', init),
  };

  private answer(path: string, { body, signal }: RequestInit): Response {
    const answer = new FakeAnswer(path, JSON.parse(String(body)) as ChatRequest, signal);
    this.answers.push(answer);
    return answer.response;
  }

  /** As a browser does, a request whose signal is aborted rejects, whether it was sent or not. */
  async fetch(path: string, init: RequestInit): Promise<Response> {
    const { signal } = init;
    signal?.throwIfAborted();
    const handler = this.handlers[path];
    if (!handler) return new Response('{}', { status: 404 });
    const aborted = new Promise<never>((_, reject) => {
      signal?.addEventListener('abort', () => reject(signal.reason as Error));
    });
    return Promise.race([handler(init), aborted]);
  }
}

/** The page of somebody who has never been there, with nothing stored yet. */
export async function openFirstPage(server: FakeServer): Promise<AppPage> {
  vi.stubGlobal('indexedDB', new (indexedDB.constructor as new () => IDBFactory)());
  history.replaceState(null, '', '/');
  return openPage(server);
}

/**
 * A page as it is after a reload, with the conversations that are stored. Pages of one test are tabs
 * of one browser if they share `channel`, until `closeTab`; `goTo` is what Back, Forward and an edited address do;
 * what is read of a conversation in `slowConversations` comes when its promise resolves; the functions
 * in `whileListing` are called, one each time, when the list has been asked for and not yet been given.
 */
export async function openPage(server: FakeServer, channel = newId()) {
  vi.resetModules();
  vi.stubGlobal('fetch', (path: string, init: RequestInit) => server.fetch(path, init));
  let closeTab = () => {};
  vi.stubGlobal('BroadcastChannel', class extends TrueChannel {
    constructor() {
      super(channel);
      closeTab = () => Object.assign(this, { onmessage: null, postMessage: () => {} });
    }
  });
  const slowConversations = new Map<string, Promise<void>>();
  const whileListing: (() => void)[] = [];
  vi.doMock('../../../web/src/store/conversations', async (original) => {
    const store = await original<typeof import('../../../web/src/store/conversations')>();
    const loadMessages: typeof store.loadMessages = async (database, id) => {
      const found = await store.loadMessages(database, id);
      await slowConversations.get(id);
      return found;
    };
    const listConversations: typeof store.listConversations = (database) => {
      const found = store.listConversations(database);
      whileListing.shift()?.();
      return found;
    };
    return { ...store, loadMessages, listConversations };
  });
  let onHashChange = () => {};
  vi.stubGlobal('addEventListener', (_type: string, listener: () => void) => (onHashChange = listener));
  const [library, chat, draft, running, tabs, connection, state] = await Promise.all([
    import('../../../web/src/app/library'),
    import('../../../web/src/app/chat'),
    import('../../../web/src/app/draft'),
    import('../../../web/src/app/running'),
    import('../../../web/src/app/tabs'),
    import('../../../web/src/app/server'),
    import('../../../web/src/app/state'),
  ]);
  await library.openLibrary();
  await connection.connect();
  const goTo = (hash: string) => {
    history.replaceState(null, '', hash);
    onHashChange();
  };
  return { ...library, ...chat, ...draft, ...running, ...tabs, ...connection, ...state, closeTab, goTo, slowConversations, whileListing };
}

/** On a busy machine a step may take its time. */
export function until(isTrue: () => unknown): Promise<unknown> {
  return vi.waitUntil(isTrue, { timeout: 60_000 });
}

export type AppPage = Awaited<ReturnType<typeof openPage>>;
