// Code blocks: their frame with name and copy button, and colours once the highlighter has loaded.
import DOMPurify from 'dompurify';
import type { HLJSApi } from 'highlight.js';

/** Longer code stays plain: colouring it would stall the page. */
const maxHighlightedChars = 100_000;

let highlighter: HLJSApi | null = null;
let loading: Promise<void> | null = null;

/** The highlighter is a chunk of its own, fetched with the first code block. */
function load(): Promise<void> {
  loading ??= import('highlight.js/lib/common').then((module) => {
    highlighter = module.default;
  });
  return loading;
}

function languageOf(code: Element): string {
  return /(?:^|\s)language-(\S+)/.exec(code.className)?.[1]?.toLowerCase() ?? '';
}

function paint(code: HTMLElement, language: string): void {
  const text = code.textContent ?? '';
  if (!highlighter?.getLanguage(language) || text.length > maxHighlightedChars) return;
  const { value } = highlighter.highlight(text, { language, ignoreIllegals: true });
  const painted = DOMPurify.sanitize(value, {
    ALLOWED_TAGS: ['span'],
    ALLOWED_ATTR: ['class'],
    RETURN_DOM_FRAGMENT: true,
  });
  code.replaceChildren(painted);
}

function frameOf(pre: HTMLElement, language: string): HTMLElement {
  const frame = document.createElement('div');
  frame.className = 'code-frame';
  const bar = document.createElement('div');
  bar.className = 'code-bar';
  const name = document.createElement('span');
  name.textContent = language || 'text';
  const copy = document.createElement('button');
  copy.type = 'button';
  copy.className = 'code-copy';
  copy.textContent = 'Copy';
  copy.setAttribute('aria-label', `Copy this ${language || 'text'} block`);
  bar.append(name, copy);
  pre.tabIndex = 0;
  pre.setAttribute('role', 'region');
  pre.setAttribute('aria-label', `${language || 'text'} code`);
  pre.replaceWith(frame);
  frame.append(bar, pre);
  return frame;
}

/** Frames every code block below `root`; `withColours` also highlights, when it can. */
export function decorateCode(root: ParentNode, withColours: boolean): void {
  for (const code of root.querySelectorAll<HTMLElement>('pre > code')) {
    const pre = code.parentElement;
    if (!pre) continue;
    const language = languageOf(code);
    if (!pre.parentElement?.classList.contains('code-frame')) frameOf(pre, language);
    if (!withColours || language === '') continue;
    if (highlighter) paint(code, language);
    else void load().then(() => paint(code, language), () => undefined);
  }
}
