// A Markdown text in the page, also one that still grows.
import { useEffect, useRef } from 'preact/hooks';
import { StreamingMarkdown } from '../markdown/stream';
import { copyText } from './clipboard';

/** A rendering may take this share of the time; the rest belongs to scrolling and typing. */
const renderShare = 0.25;

async function onClick(event: MouseEvent): Promise<void> {
  const button = (event.target as Element).closest?.('.code-copy');
  const code = button?.closest('.code-frame')?.querySelector('code');
  if (!button || !code) return;
  const copied = await copyText(code.textContent ?? '');
  button.textContent = copied ? 'Copied' : 'Not allowed';
  setTimeout(() => (button.textContent = 'Copy'), 1500);
}

/** Renders at most once per frame, and less often when rendering is slow. */
export function MarkdownView({ text, isComplete }: { text: string; isComplete: boolean }) {
  const container = useRef<HTMLDivElement>(null);
  const renderer = useRef<StreamingMarkdown | null>(null);
  const pending = useRef({ text, isComplete, timer: 0, notBefore: 0 });

  useEffect(() => {
    const state = pending.current;
    state.text = text;
    state.isComplete = isComplete;
    const render = () => {
      state.timer = 0;
      if (!container.current) return;
      renderer.current ??= new StreamingMarkdown(container.current);
      const start = performance.now();
      renderer.current.update(state.text, state.isComplete);
      const end = performance.now();
      state.notBefore = end + (end - start) / renderShare;
    };
    if (isComplete || renderer.current === null) {
      clearTimeout(state.timer);
      render();
    } else if (state.timer === 0) {
      state.timer = window.setTimeout(render, Math.max(16, state.notBefore - performance.now()));
    }
  }, [text, isComplete]);
  useEffect(() => () => clearTimeout(pending.current.timer), []);

  return <div class="markdown" ref={container} onClick={(event) => void onClick(event)} />;
}
