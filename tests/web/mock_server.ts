// A server that speaks as `levin serve` does, and fails on request. It also serves the built page,
// with the same policy as the real one.
import { createReadStream, existsSync, readFileSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const dist = fileURLToPath(new URL('../../web/dist', import.meta.url));
const policySource = fileURLToPath(new URL('../../src/serve/web/assets.cpp', import.meta.url));

/** The policy that the real server sends: read from its source, so that the two cannot differ. */
function readPolicy(): string {
  const source = readFileSync(policySource, 'utf8');
  const body = /content_security_policy\(\) \{\s*return ([^;]+(?:;[^"]*"[^;]*)*?);\s*\}/.exec(source)?.[1] ?? '';
  return [...body.matchAll(/"([^"]*)"/g)].map((match) => match[1]).join('');
}

export interface ChatBody {
  model: string;
  messages: { role: string; content: string; prefix?: true }[];
  stream_options?: Record<string, boolean>;
  thinking?: { type: string };
  temperature?: number;
  max_tokens?: number;
}

/** What the next chat request gets. */
export interface Scenario {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Steps of a prefill: tokens done, of the last. */
  progress?: number[];
  reasoning?: string[];
  pieces?: string[];
  pieceMs?: number;
  finish?: string;
  usage?: Record<string, unknown>;
  levin?: Record<string, unknown>;
  /** Ends the connection after the pieces, without [DONE]; at once, or when the promise resolves
   * (a browser forgets what it had not yet given to the page). */
  isBroken?: boolean | Promise<void>;
  /** An error event after the pieces. */
  failure?: { message: string; type?: string };
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
};

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export class MockServer {
  readonly chats: ChatBody[] = [];
  readonly scenarios: Scenario[] = [];
  models: Record<string, unknown>[] = [
    { id: 'mini', object: 'model', owned_by: 'levin', levin: { context_tokens: 131072, attention: 'sparse' } },
  ];
  balance: Record<string, unknown> | null = null;
  /** If set, every request needs it. */
  key: string | null = null;
  /** Chat requests whose client went away before the end. */
  cancelled = 0;
  private readonly server: Server;
  private readonly policy = readPolicy();

  constructor() {
    this.server = createServer((request, response) => void this.handle(request, response));
  }

  async start(port = 0): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(port, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = new URL(request.url ?? '/', 'http://localhost').pathname;
    let body = '';
    for await (const piece of request) body += String(piece);
    const isApi = ['/v1/', '/beta/', '/tokenize', '/user/'].some((prefix) => path.startsWith(prefix));
    if (!isApi) return this.serveFile(path, response);
    if (this.key !== null && request.headers.authorization !== `Bearer ${this.key}`) {
      return this.sendJson(response, 401, { error: { message: 'Unknown API key.', type: 'authentication_error' } });
    }
    switch (path) {
      case '/v1/models':
        return this.sendJson(response, 200, { object: 'list', data: this.models });
      case '/tokenize': {
        const { prompt } = JSON.parse(body) as { prompt: string };
        return this.sendJson(response, 200, { count: Math.ceil(prompt.length / 4.3) });
      }
      case '/user/balance':
        return this.balance
          ? this.sendJson(response, 200, this.balance)
          : this.sendJson(response, 404, { error: { message: 'No accounts here.' } });
      case '/v1/chat/completions':
      case '/beta/chat/completions':
        this.chats.push(JSON.parse(body) as ChatBody);
        return this.chat(response, this.scenarios.shift() ?? { pieces: ['Hello', ' there', '.'] });
      default:
        return this.sendJson(response, 404, { error: { message: 'No such path.' } });
    }
  }

  private serveFile(path: string, response: ServerResponse): void {
    const file = join(dist, normalize(path === '/' ? '/index.html' : path));
    if (!file.startsWith(dist) || !existsSync(file) || !statSync(file).isFile()) {
      response.writeHead(404).end();
      return;
    }
    response.writeHead(200, {
      'Content-Type': types[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': this.policy,
    });
    createReadStream(file).pipe(response);
  }

  private sendJson(response: ServerResponse, status: number, body: unknown, headers = {}): void {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers });
    response.end(JSON.stringify(body));
  }

  private async chat(response: ServerResponse, scenario: Scenario): Promise<void> {
    if (scenario.status !== undefined) {
      return this.sendJson(response, scenario.status, scenario.body ?? {}, scenario.headers ?? {});
    }
    let isOpen = true;
    response.on('close', () => {
      if (!response.writableEnded) this.cancelled += 1;
      isOpen = false;
    });
    response.writeHead(200, { 'Content-Type': 'text/event-stream' });
    const send = async (chunk: Record<string, unknown>) => {
      if (!isOpen) return;
      response.write(`data: ${JSON.stringify({ object: 'chat.completion.chunk', ...chunk })}\n\n`);
      await sleep(scenario.pieceMs ?? 5);
    };
    response.write(': keep-alive\n\n');
    const total = scenario.progress?.at(-1) ?? 0;
    for (const done of scenario.progress ?? []) {
      await send({ choices: [], levin: { prompt_tokens_done: done, prompt_tokens: total } });
    }
    for (const text of scenario.reasoning ?? []) {
      await send({ choices: [{ index: 0, delta: { reasoning_content: text } }] });
    }
    for (const text of scenario.pieces ?? []) {
      await send({ choices: [{ index: 0, delta: { content: text } }], usage: null });
    }
    if (scenario.isBroken) {
      await scenario.isBroken;
      response.destroy();
      return;
    }
    if (scenario.failure) {
      response.end(`data: ${JSON.stringify({ error: scenario.failure })}\n\n`);
      return;
    }
    await send({ choices: [{ index: 0, delta: {}, finish_reason: scenario.finish ?? 'stop' }] });
    await send({
      choices: [],
      usage: scenario.usage ?? { prompt_tokens: 12, prompt_cache_hit_tokens: 0, prompt_cache_miss_tokens: 12, completion_tokens: 3, total_tokens: 15 },
      ...(scenario.levin ? { levin: scenario.levin } : {}),
    });
    if (!isOpen) return;
    response.end('data: [DONE]\n\n');
  }
}
