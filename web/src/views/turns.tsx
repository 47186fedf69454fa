// The two kinds of messages.
import { useState } from 'preact/hooks';
import { chooseBranch, continueAnswer, regenerate } from '../app/chat';
import { show } from '../app/library';
import { balance, isUnfinished, live, messages, path, streamingId } from '../app/state';
import { siblingsOf } from '../chat/branches';
import type { AssistantMessage, Message, UserMessage } from '../chat/types';
import { copy } from './clipboard';
import { DocumentChip } from './document_chip';
import { EditForm } from './edit_form';
import { FailureView } from './failure_view';
import { formatSeconds, formatTokens } from './format';
import { Bolt, Icon, IconButton } from './icons';
import { MarkdownView } from './markdown_view';
import { MeterView } from './meter_view';

function BranchSwitch({ message }: { message: Message }) {
  const siblings = siblingsOf(messages.value, message);
  if (siblings.length < 2) return null;
  const index = siblings.findIndex((sibling) => sibling.id === message.id);
  const go = (to: number) => {
    const sibling = siblings[to];
    if (sibling) void chooseBranch(sibling);
  };
  return (
    <span class="branches">
      <IconButton icon="left" label="Previous version" disabled={index === 0} onClick={() => go(index - 1)} />
      <span>
        {index + 1}/{siblings.length}
      </span>
      <IconButton icon="right" label="Next version" disabled={index + 1 === siblings.length} onClick={() => go(index + 1)} />
    </span>
  );
}

function turnId(messageId: string | null): string {
  return `turn-${messageId}`;
}

export function UserTurn({ message }: { message: UserMessage }) {
  const [isEditing, setEditing] = useState(false);
  return (
    <article class="turn user" id={turnId(message.id)} aria-label="You">
      {!isEditing && message.attachments.length > 0 && (
        <div class="chips">
          {message.attachments.map((document) => (
            <DocumentChip key={document.id} document={document} />
          ))}
        </div>
      )}
      {isEditing ? (
        <EditForm message={message} onDone={() => setEditing(false)} />
      ) : (
        message.content !== '' && <div class="bubble">{message.content}</div>
      )}
      {!isEditing && (
        <div class="turn-actions">
          <BranchSwitch message={message} />
          <IconButton
            icon="edit"
            label="Edit this message"
            class="edit-button"
            disabled={streamingId.value !== null}
            onClick={() => setEditing(true)}
          />
          <IconButton icon="copy" label="Copy this message" onClick={() => void copy(message.content)} />
        </div>
      )}
    </article>
  );
}

function Thinking({ text, ms, isOpen }: { text: string; ms: number | null; isOpen: boolean }) {
  if (text === '') return null;
  const label = isOpen ? 'Thinking…' : ms === null ? 'Thoughts' : `Thought for ${formatSeconds(ms)}`;
  return (
    <details class="thinking">
      <summary>
        <Icon name="thought" />
        {label}
      </summary>
      <div class="thinking-text">{text}</div>
    </details>
  );
}

/** What the model does before its first token. */
function Waiting({ progress }: { progress: { done: number; total: number } | null }) {
  if (!progress || progress.total === 0) {
    return (
      <p class="waiting">
        <span class="pulse" aria-hidden="true" /> Waiting for the model…
      </p>
    );
  }
  const { done, total } = progress;
  return (
    <div class="reading">
      <p>
        Reading {done.toLocaleString('en-US')} of {formatTokens(total)}
      </p>
      <progress max={total} value={done} aria-label="Share of the prompt that has been read" />
    </div>
  );
}

function ending(message: AssistantMessage): string | null {
  if (isUnfinished(message)) return 'This answer comes in another tab.';
  if (message.state === 'cut') return 'The answer reached its length limit.';
  if (message.state === 'stopped') {
    // The figures of the server come with the end, which a stopped answer does not see.
    const isCharged = balance.value !== null && message.meter?.completionTokens == null;
    return isCharged ? 'Stopped. The server charges what it had computed.' : 'Stopped.';
  }
  return null;
}

/** True for an answer that ended too early, and that nothing follows yet. */
function canGoOn(message: AssistantMessage): boolean {
  const hasBegun = message.content !== '' || message.reasoning !== '';
  return hasBegun && message.state !== 'done' && streamingId.value === null && path.value.at(-1)?.id === message.id;
}

function ContinueButton({ message }: { message: AssistantMessage }) {
  return (
    <button type="button" class="button" onClick={() => void continueAnswer(message)}>
      Continue
    </button>
  );
}

/** Opens the form of the question above the answer. */
function editQuestion(message: AssistantMessage): void {
  const question = document.getElementById(turnId(message.parentId));
  question?.querySelector<HTMLElement>('.edit-button')?.click();
  // It may be open already.
  question?.querySelector('textarea')?.focus();
}

export function AssistantTurn({ message }: { message: AssistantMessage }) {
  const current = live.value.get(message.id) ?? null;
  const content = current?.content ?? message.content;
  const reasoning = current?.reasoning ?? message.reasoning;
  const note = current ? null : ending(message);
  const isComing = current !== null || isUnfinished(message);
  return (
    <article class="turn assistant" aria-label="Levin" aria-busy={isComing}>
      <div class="avatar">
        <Bolt />
      </div>
      <div class="turn-body">
        <Thinking text={reasoning} ms={message.reasoningMs} isOpen={isComing && content === ''} />
        <MarkdownView text={content} isComplete={!isComing} />
        {/* Below what an answer has that goes on. */}
        {current && !current.hasStarted && <Waiting progress={current.progress} />}
        {note && (
          <div class="ending">
            <p class="note">{note}</p>
            {canGoOn(message) && <ContinueButton message={message} />}
          </div>
        )}
        {!isComing && message.failure && (
          <FailureView
            failure={message.failure}
            isBusy={streamingId.value !== null}
            onRetry={() => void regenerate(message)}
            onEdit={() => editQuestion(message)}
            onNewChat={() => void show(null)}
          >
            {canGoOn(message) && <ContinueButton message={message} />}
          </FailureView>
        )}
        {!isComing && (
          <div class="turn-actions">
            <BranchSwitch message={message} />
            {content !== '' && (
              <IconButton icon="copy" label="Copy this answer" onClick={() => void copy(content)} />
            )}
            <IconButton
              icon="redo"
              label="Answer again"
              class="regenerate"
              disabled={streamingId.value !== null}
              onClick={() => void regenerate(message)}
            />
            {message.meter && <MeterView meter={message.meter} />}
            {content !== '' && message.attention && <span class="badge">{message.attention}</span>}
          </div>
        )}
      </div>
    </article>
  );
}
