// Where the next message is written.
import { useEffect, useRef } from 'preact/hooks';
import { addDocument, addFiles, removeDocument, sendDraft } from '../app/draft';
import { changeSettings } from '../app/library';
import { draftDocuments, draftText, model, path, settings, streamingId } from '../app/state';
import { stopAnywhere } from '../app/tabs';
import { estimateTokens, makeDocument, pastedDocumentChars } from '../chat/documents';
import { formatCount, formatTokens } from './format';
import { Icon, IconButton } from './icons';
import { hasTouchKeyboard, sendsText } from './keys';

function resize(area: HTMLTextAreaElement): void {
  area.style.height = 'auto';
  area.style.height = `${Math.min(area.scrollHeight, innerHeight * 0.4)}px`;
}

/** Arrow up in an empty composer edits the last question. */
function editLast(): void {
  const buttons = document.querySelectorAll<HTMLButtonElement>('.edit-button');
  buttons[buttons.length - 1]?.click();
}

function onKeyDown(event: KeyboardEvent): void {
  if (sendsText(event)) {
    event.preventDefault();
    sendDraft();
  } else if (event.key === 'ArrowUp' && draftText.value === '') {
    event.preventDefault();
    editLast();
  }
}

function onPaste(event: ClipboardEvent): void {
  const files = [...(event.clipboardData?.files ?? [])];
  const text = event.clipboardData?.getData('text/plain') ?? '';
  if (text === '' && files.length > 0) {
    event.preventDefault();
    void addFiles(files);
  } else if (text.length >= pastedDocumentChars) {
    event.preventDefault();
    void addDocument(makeDocument('Pasted text', text));
  }
}

function Drafts() {
  if (draftDocuments.value.length === 0) return null;
  return (
    <ul class="chips" aria-label="Documents">
      {draftDocuments.value.map((document) => (
        <li class="chip" key={document.id}>
          <Icon name="file" />
          <span class="chip-name">{document.name}</span>
          <small>
            {document.isCounting
              ? 'counting…'
              : document.tokens === null
                ? `about ${formatTokens(estimateTokens(document.text))}`
                : formatTokens(document.tokens)}
          </small>
          <IconButton icon="close" label={`Remove ${document.name}`} onClick={() => removeDocument(document.id)} />
        </li>
      ))}
    </ul>
  );
}

/** Warns before a document is sent that the model cannot hold. */
function ContextNote() {
  const limit = model.value?.contextTokens;
  const last = path.value.findLast((message) => message.role === 'assistant');
  const before = last?.role === 'assistant' ? (last.meter?.promptTokens ?? 0) + (last.meter?.completionTokens ?? 0) : 0;
  const added = draftDocuments.value.reduce(
    (sum, document) => sum + (document.tokens ?? estimateTokens(document.text)),
    estimateTokens(draftText.value),
  );
  if (!limit || before + added <= limit * 0.8) return null;
  const total = before + added;
  return (
    <p class={total > limit ? 'context-note over' : 'context-note'} role="status">
      {total > limit ? 'Too long: about' : 'About'} {formatCount(total)} of {formatTokens(limit)} of context.
    </p>
  );
}

function ThinkingSwitch() {
  if (model.value?.canThink === false) return null;
  const isOn = settings.value.thinking;
  return (
    <button
      type="button"
      class={isOn ? 'toggle on' : 'toggle'}
      aria-pressed={isOn}
      onClick={() => void changeSettings({ thinking: !isOn })}
    >
      <Icon name="thought" />
      Think
    </button>
  );
}

function SendButton() {
  const id = streamingId.value;
  if (id !== null) {
    return (
      <button type="button" class="send" aria-label="Stop" title="Stop (Esc)" onClick={() => stopAnywhere(id)}>
        <Icon name="stop" />
      </button>
    );
  }
  const isEmpty = draftText.value.trim() === '' && draftDocuments.value.length === 0;
  const hint = hasTouchKeyboard() ? 'Send' : 'Send (Enter)';
  return (
    <button type="button" class="send" aria-label="Send" title={hint} disabled={isEmpty} onClick={sendDraft}>
      <Icon name="send" />
    </button>
  );
}

export function Composer() {
  const area = useRef<HTMLTextAreaElement>(null);
  const chooser = useRef<HTMLInputElement>(null);
  const text = draftText.value;
  useEffect(() => {
    if (area.current) resize(area.current);
  }, [text]);

  return (
    <div class="composer">
      <Drafts />
      <ContextNote />
      <textarea
        id="composer"
        ref={area}
        rows={1}
        value={text}
        aria-label="Message"
        placeholder="Ask something, or drop in a document"
        onInput={(event) => (draftText.value = event.currentTarget.value)}
        onKeyDown={onKeyDown}
        onPaste={onPaste}
      />
      <div class="composer-bar">
        <IconButton icon="clip" label="Add documents" onClick={() => chooser.current?.click()} />
        <input
          ref={chooser}
          type="file"
          multiple
          hidden
          aria-label="Documents"
          onChange={(event) => {
            void addFiles([...(event.currentTarget.files ?? [])]);
            event.currentTarget.value = '';
          }}
        />
        <ThinkingSwitch />
        <span class="spacer" />
        <SendButton />
      </div>
    </div>
  );
}
