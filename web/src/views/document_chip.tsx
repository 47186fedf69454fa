// A document of a message.
import type { Attachment } from '../chat/types';
import { formatTokens } from './format';
import { Icon, IconButton } from './icons';

export function DocumentChip({ document, onRemove }: { document: Attachment; onRemove?: () => void }) {
  return (
    <span class="chip">
      <Icon name="file" />
      <span class="chip-name">{document.name}</span>
      {document.tokens !== null && <small>{formatTokens(document.tokens)}</small>}
      {onRemove && <IconButton icon="close" label={`Remove ${document.name}`} onClick={onRemove} />}
    </span>
  );
}
