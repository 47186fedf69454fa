// Server-sent events: bytes in pieces of any size -> events.

/** One event of the stream; comments (`: keep-alive`) are not events. */
export interface ServerEvent {
  readonly name: string;
  readonly data: string;
}

/**
 * Parses an event stream as the HTML standard says. Pieces may end anywhere, also inside a UTF-8
 * sequence or between CR and LF. An event that is not closed by a blank line is dropped, because
 * half of it may be missing.
 */
export class EventStreamParser {
  private readonly decoder = new TextDecoder('utf-8');
  private rest = '';
  private data: string[] = [];
  private name = '';

  /** The events that this piece completes. */
  push(bytes: Uint8Array): ServerEvent[] {
    this.rest += this.decoder.decode(bytes, { stream: true });
    const events: ServerEvent[] = [];
    let start = 0;
    for (;;) {
      const end = this.findLineEnd(start);
      if (end === null) break;
      const event = this.takeLine(this.rest.slice(start, end.at));
      if (event) events.push(event);
      start = end.next;
    }
    this.rest = this.rest.slice(start);
    return events;
  }

  /** A CR at the very end of what is known may be half of a CRLF: it waits for the next piece. */
  private findLineEnd(start: number): { at: number; next: number } | null {
    for (let at = start; at < this.rest.length; ++at) {
      const char = this.rest[at];
      if (char === '\n') return { at, next: at + 1 };
      if (char === '\r') {
        if (at + 1 === this.rest.length) return null;
        return { at, next: this.rest[at + 1] === '\n' ? at + 2 : at + 1 };
      }
    }
    return null;
  }

  private takeLine(line: string): ServerEvent | null {
    if (line === '') {
      if (this.data.length === 0) {
        this.name = '';
        return null;
      }
      const event = { name: this.name || 'message', data: this.data.join('\n') };
      this.data = [];
      this.name = '';
      return event;
    }
    const colon = line.indexOf(':');
    if (colon === 0) return null;
    const field = colon < 0 ? line : line.slice(0, colon);
    let value = colon < 0 ? '' : line.slice(colon + 1);
    if (value.startsWith(' ')) value = value.slice(1);
    if (field === 'data') this.data.push(value);
    if (field === 'event') this.name = value;
    return null;
  }
}

/** The events of a response body, until it ends. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent> {
  const parser = new EventStreamParser();
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      yield* parser.push(value);
    }
  } finally {
    reader.cancel().catch(() => undefined);
  }
}
