// Where a message that was sent is changed: its text, and which of its documents go with it.
import { useEffect, useRef, useState } from 'preact/hooks';
import { edit } from '../app/chat';
import { streamingId } from '../app/state';
import type { UserMessage } from '../chat/types';
import { DocumentChip } from './document_chip';
import { isComposing, sendsText } from './keys';

export function EditForm({ message, onDone }: { message: UserMessage; onDone: () => void }) {
  const [text, setText] = useState(message.content);
  const [documents, setDocuments] = useState(message.attachments);
  const area = useRef<HTMLTextAreaElement>(null);
  // Once: an answer under way renders this form again with every piece.
  useEffect(() => area.current?.focus(), []);
  const isBusy = streamingId.value !== null;
  const submit = () => {
    if (isBusy) return;
    onDone();
    if (text.trim() !== '' || documents.length > 0) void edit(message, text.trim(), documents);
  };
  const remove = (id: string) => {
    setDocuments(documents.filter((document) => document.id !== id));
    // The button that was pressed goes.
    area.current?.focus();
  };
  return (
    <form
      class="edit"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      {documents.length > 0 && (
        <ul class="chips" aria-label="Documents">
          {documents.map((document) => (
            <li key={document.id}>
              <DocumentChip document={document} onRemove={() => remove(document.id)} />
            </li>
          ))}
        </ul>
      )}
      <textarea
        aria-label="Edit your message"
        value={text}
        rows={Math.min(12, text.split('\n').length + 1)}
        ref={area}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === 'Escape' && !isComposing(event)) {
            event.stopPropagation();
            onDone();
          }
          if (sendsText(event)) {
            event.preventDefault();
            submit();
          }
        }}
      />
      <div class="edit-actions">
        <button type="button" class="button" onClick={onDone}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={isBusy}>
          Send
        </button>
      </div>
    </form>
  );
}
