// @vitest-environment jsdom
// What a model writes never runs and never loads anything.
import { describe, expect, test } from 'vitest';
import { renderMarkdown } from '../../../web/src/markdown/render';

function render(text: string): HTMLElement {
  const root = document.createElement('div');
  root.append(renderMarkdown(text));
  return root;
}

const attacks = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '<svg/onload=alert(1)>',
  '<svg><animate onbegin=alert(1) attributeName=x></svg>',
  '<iframe src="javascript:alert(1)"></iframe>',
  '<iframe srcdoc="<script>alert(1)</script>"></iframe>',
  '<a href="javascript:alert(1)">x</a>',
  '<math><mtext><table><mglyph><style><img src=x onerror=alert(1)>',
  '<form action="https://evil.example"><input name=q></form>',
  '<style>@import "https://evil.example/x.css";</style>',
  '<base href="https://evil.example/">',
  '<meta http-equiv="refresh" content="0;url=https://evil.example">',
  '<object data="https://evil.example/x.swf"></object>',
  '<details open ontoggle=alert(1)>',
  '<template><script>alert(1)</script></template>',
  '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
  '[x](javascript:alert(1))',
  '[x](JaVaScRiPt:alert(1))',
  '[x](&#106;avascript:alert(1))',
  '[x](java\nscript:alert(1))',
  '[x](vbscript:msgbox(1))',
  '[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)',
  '[x](data:image/svg+xml,<svg/onload=alert(1)>)',
  '![x](javascript:alert(1))',
  '![x](data:image/svg+xml;base64,PHN2Zy8+)',
  '![x](https://evil.example/pixel.png)',
  '![x](//evil.example/pixel.png)',
  '![x](/v1/models)',
  '<javascript:alert(1)>',
  '[x]: javascript:alert(1)\n\n[x]',
  '[x](https://a.example "onmouseover=alert(1) x=\'")',
  '[x](https://a.example "\\" onmouseover=\\"alert(1)")',
  '`<img src=x onerror=alert(1)>`',
  '```html"><img/src/onerror=alert(1)>\n<script>alert(1)</script>\n```',
  '```"onmouseover="alert(1)\nx\n```',
  '| a |\n|---|\n| <img src=x onerror=alert(1)> |',
  '# <script>alert(1)</script>',
  '> <img src=x onerror=alert(1)>',
  '- [ ] <svg onload=alert(1)>',
  '\u0000<script>alert(1)</script>',
];

const forbidden = 'script, style, iframe, object, embed, form, input, base, meta, link, svg, math, template, details, video, audio';

describe('renderMarkdown, against hostile text', () => {
  test.each(attacks)('%j', (attack) => {
    const root = render(attack);
    expect(root.querySelectorAll(forbidden)).toHaveLength(0);
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        expect(name).not.toMatch(/^on|^style$|^srcset$|^srcdoc$|^formaction$|^id$|^name$/);
        if (name === 'href') expect(value).not.toMatch(/^\s*(javascript|vbscript|data|file):/i);
        if (name === 'src') expect(value).toMatch(/^(data:image\/(png|jpeg|gif|webp);|blob:)/);
      }
    }
  });
});

describe('renderMarkdown', () => {
  test('opens links elsewhere and tells nobody where they came from', () => {
    const link = render('[docs](https://example.org/a)').querySelector('a');
    expect(link?.target).toBe('_blank');
    expect(link?.rel).toContain('noopener');
    expect(link?.rel).toContain('noreferrer');
  });

  test('turns a picture from elsewhere into a link', () => {
    const root = render('![a cat](https://example.org/cat.png)');
    expect(root.querySelector('img')).toBeNull();
    expect(root.querySelector('a')?.textContent).toBe('a cat');
  });

  test('aligns cells without style attributes', () => {
    const root = render('| a | b |\n|:-:|--:|\n| 1 | 2 |');
    expect(root.querySelector('[style]')).toBeNull();
    expect([...root.querySelectorAll('td')].map((cell) => cell.className)).toEqual(['align-center', 'align-right']);
  });

  test('shows HTML as the text that it is', () => {
    expect(render('a <b>bold</b> claim').textContent).toBe('a <b>bold</b> claim\n');
  });

  test('keeps the start of a numbered list', () => {
    expect(render('3. three\n4. four').querySelector('ol')?.getAttribute('start')).toBe('3');
  });
});
