// Markdown -> sanitised DOM. Two walls: markdown-it escapes all HTML of the text, and DOMPurify
// lets only the elements through that Markdown makes.
import DOMPurify from 'dompurify';
import MarkdownIt, { type Env, type Token } from 'markdown-it';

/** What parsing leaves behind for rendering: link definitions. */
export type Environment = Env;

const allowedTags = [
  'a', 'blockquote', 'br', 'code', 'del', 'em', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'hr', 'img',
  'li', 'ol', 'p', 'pre', 's', 'strong', 'table', 'tbody', 'td', 'th', 'thead', 'tr', 'ul',
];
const allowedAttributes = ['href', 'title', 'src', 'alt', 'class', 'start'];

export const markdown = new MarkdownIt({ html: false, linkify: false, breaks: false });

/** Cells are aligned by a class: a style attribute would break the Content-Security-Policy. */
function alignCells(tokens: readonly Token[]): void {
  for (const token of tokens) {
    const style = token.attrGet('style');
    if (style === null) continue;
    token.attrs = (token.attrs ?? []).filter(([name]) => name !== 'style');
    const side = /text-align:(left|center|right)/.exec(String(style))?.[1];
    if (side) token.attrJoin('class', `align-${side}`);
  }
}

/** Pictures from elsewhere would tell a third party what is read here: they become links. */
function tame(fragment: DocumentFragment): void {
  for (const image of fragment.querySelectorAll('img')) {
    if (/^(data:image\/(png|jpeg|gif|webp);|blob:)/.test(image.getAttribute('src') ?? '')) continue;
    const link = document.createElement('a');
    link.href = image.getAttribute('src') ?? '';
    link.textContent = image.alt || image.getAttribute('src') || 'picture';
    image.replaceWith(link);
  }
  for (const link of fragment.querySelectorAll('a')) {
    link.target = '_blank';
    link.rel = 'noopener noreferrer nofollow';
  }
  for (const table of fragment.querySelectorAll('table')) {
    const frame = document.createElement('div');
    frame.className = 'table-frame';
    frame.tabIndex = 0;
    frame.setAttribute('role', 'region');
    frame.setAttribute('aria-label', 'Table');
    table.replaceWith(frame);
    frame.append(table);
  }
}

/** The tokens of some blocks as DOM that is safe to show. */
export function renderTokens(tokens: Token[], environment: Environment): DocumentFragment {
  alignCells(tokens);
  const html = markdown.renderer.render(tokens, markdown.options, environment);
  const fragment = DOMPurify.sanitize(html, {
    ALLOWED_TAGS: allowedTags,
    ALLOWED_ATTR: allowedAttributes,
    ALLOW_DATA_ATTR: false,
    ALLOW_ARIA_ATTR: false,
    RETURN_DOM_FRAGMENT: true,
  });
  tame(fragment);
  return fragment;
}

/** A whole text at once. */
export function renderMarkdown(text: string): DocumentFragment {
  const environment: Environment = {};
  return renderTokens(markdown.parse(text, environment), environment);
}
