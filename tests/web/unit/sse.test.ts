// Server-sent events survive any way in which the network cuts them.
import { describe, expect, test } from 'vitest';
import { EventStreamParser, type ServerEvent } from '../../../web/src/api/sse';

const encoder = new TextEncoder();

function parse(pieces: Uint8Array[]): ServerEvent[] {
  const parser = new EventStreamParser();
  return pieces.flatMap((piece) => parser.push(piece));
}

function parseText(text: string): string[] {
  return parse([encoder.encode(text)]).map((event) => event.data);
}

describe('EventStreamParser', () => {
  test('takes events and leaves comments out', () => {
    expect(parseText(': keep-alive\n\ndata: {"a":1}\n\n: keep-alive\n\ndata: [DONE]\n\n')).toEqual(['{"a":1}', '[DONE]']);
  });

  test('joins the data lines of one event and names it', () => {
    const events = parse([encoder.encode('event: error\ndata: one\ndata: two\nid: 7\nretry: 5\n\n')]);
    expect(events).toEqual([{ name: 'error', data: 'one\ntwo' }]);
  });

  test('takes one space after the colon away and no more', () => {
    expect(parseText('data:  two\n\ndata:none\n\ndata\n\n')).toEqual([' two', 'none', '']);
  });

  test.each(['\n', '\r\n', '\r'])('ends lines at %j', (end) => {
    expect(parseText(`data: a${end}data: b${end}${end}data: c${end}${end}x`)).toEqual(['a\nb', 'c']);
  });

  test('drops an event that no blank line closes', () => {
    expect(parseText('data: whole\n\ndata: half\n')).toEqual(['whole']);
  });

  test('ignores a byte order mark', () => {
    expect(parseText('\uFEFFdata: a\n\n')).toEqual(['a']);
  });

  const stream = ': hi\r\n\r\ndata: {"t":"für 漢字 🌩️"}\r\n\r\ndata: ⚡\n\nevent: x\rdata: é\r\rdata: [DONE]\n\n';
  const whole = parse([encoder.encode(stream)]);

  test('gives the same events for every cut into two', () => {
    const bytes = encoder.encode(stream);
    expect(whole.map((event) => event.data)).toEqual(['{"t":"für 漢字 🌩️"}', '⚡', 'é', '[DONE]']);
    for (let at = 0; at <= bytes.length; ++at) {
      expect(parse([bytes.slice(0, at), bytes.slice(at)]), `cut at byte ${at}`).toEqual(whole);
    }
  });

  test.each([1, 2, 3, 5, 7])('gives the same events in pieces of %i bytes', (size) => {
    const bytes = encoder.encode(stream);
    const pieces: Uint8Array[] = [];
    for (let at = 0; at < bytes.length; at += size) pieces.push(bytes.slice(at, at + size));
    expect(parse(pieces)).toEqual(whole);
  });
});
