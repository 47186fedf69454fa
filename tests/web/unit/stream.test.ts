// @vitest-environment jsdom
// A text that grows piece by piece ends as the same page as the text at once.
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { StreamingMarkdown } from '../../../web/src/markdown/stream';

const text = `# Title

A paragraph with **bold**, \`code\` and a [link][late].

Setext
======

- one
- two

  still two

      code in the item
- three

1. first

2. second

> quoted
lazily

\`\`\`py
def f():
    return 1

# not a heading
\`\`\`

| a | b |
|---|--:|
| 1 | 2 |

    indented

***
Last, *unfinished

[late]: https://example.org/late
`;

function show(pieces: string[]): HTMLElement {
  const root = document.createElement('div');
  const view = new StreamingMarkdown(root);
  let known = '';
  for (const piece of pieces) {
    known += piece;
    view.update(known, false);
  }
  view.update(known, true);
  return root;
}

function cut(whole: string, size: number): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < whole.length; at += size) pieces.push(whole.slice(at, at + size));
  return pieces;
}

describe('StreamingMarkdown', () => {
  let whole = '';

  // The highlighter comes with the first code block; until it is there, code has no colours.
  beforeAll(async () => {
    const first = show([text]);
    await vi.waitFor(() => expect(first.querySelector('.hljs-keyword')).not.toBeNull(), { timeout: 60_000 });
    whole = show([text]).innerHTML;
  });

  test('resolves a link that is defined after its use', () => {
    expect(whole).toContain('href="https://example.org/late"');
  });

  test.each([1, 3, 31])('ends the same in pieces of %i characters', (size) => {
    expect(show(cut(text, size)).innerHTML).toBe(whole);
  });

  test('ends the same with CR LF, cut between them', () => {
    expect(show(cut(text.replaceAll('\n', '\r\n'), 9)).innerHTML).toBe(whole);
  });

  test('leaves the DOM of settled blocks alone', () => {
    const root = document.createElement('div');
    const view = new StreamingMarkdown(root);
    view.update('First.\n\nSecond\n', false);
    const first = root.firstElementChild;
    view.update('First.\n\nSecond grows\n\nThird', false);
    expect(root.firstElementChild).toBe(first);
    expect(root.textContent).toContain('Second grows');
  });

  test('begins anew when the text is another one', () => {
    const root = document.createElement('div');
    const view = new StreamingMarkdown(root);
    view.update('One.\n\nTwo.', true);
    view.update('Three.', true);
    expect(root.textContent?.trim()).toBe('Three.');
  });
});
