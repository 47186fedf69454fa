// Markdown that grows: only the block that is still being written is rendered again.
import { firstOpenBlock, normalizeLines, splitBlocks } from './blocks';
import { decorateCode } from './highlight';
import { renderTokens, type Environment } from './render';

/** An open code block above this length gets its colours when it closes. */
const maxOpenColouredChars = 6000;

/**
 * Shows a text that grows at its end. A block is settled once another one has begun after it; its
 * DOM is not touched again, so selections survive and the work per update depends on what is open.
 */
export class StreamingMarkdown {
  /** Link definitions of the settled text: what is open may still change. */
  private environment: Environment = {};
  private settled = '';
  private openNodes: ChildNode[] = [];
  private shown: string | null = null;

  constructor(private readonly container: HTMLElement) {}

  /** `isComplete`: nothing more will come. */
  update(raw: string, isComplete: boolean): void {
    const text = normalizeLines(raw);
    if (text === this.shown && !isComplete) return;
    if (!text.startsWith(this.settled)) this.reset();
    this.shown = text;
    const defined = this.renderTail(text, isComplete);
    // Settled blocks did not know links that were defined after them.
    if (isComplete && defined > 0 && this.openNodes.length < this.container.childNodes.length) {
      this.reset();
      this.renderTail(text, true);
    }
  }

  /** Renders what is not settled, and settles what can be. Returns how many links are defined. */
  private renderTail(text: string, isComplete: boolean): number {
    const tail = text.slice(this.settled.length);
    const environment: Environment = { references: { ...this.environment.references } };
    const blocks = splitBlocks(tail, environment);
    const firstOpen = isComplete ? 0 : firstOpenBlock(tail, blocks);
    for (const node of this.openNodes) node.remove();
    this.openNodes = [];
    blocks.forEach((block, index) => {
      const fragment = renderTokens(block.tokens, environment);
      const isLong = tail.length - block.start > maxOpenColouredChars;
      decorateCode(fragment, isComplete || index < firstOpen || !isLong);
      if (index >= firstOpen) this.openNodes.push(...fragment.childNodes);
      this.container.append(fragment);
    });
    const openStart = blocks[firstOpen]?.start ?? 0;
    if (openStart > 0) {
      splitBlocks(tail.slice(0, openStart), this.environment);
      this.settled += tail.slice(0, openStart);
    }
    return Object.keys(environment.references ?? {}).length;
  }

  private reset(): void {
    this.container.replaceChildren();
    this.environment = {};
    this.settled = '';
    this.openNodes = [];
  }
}
