// Model, system prompt and sampling of the shown conversation.
import { changeSettings } from '../app/library';
import { models, settings } from '../app/state';
import { maxStopTexts, type ChatSettings, type DocumentForm } from '../chat/types';
import { Dialog } from './dialog';
import { NumberField, type NumberFieldProps } from './number_field';

const sampling: readonly NumberFieldProps[] = [
  { name: 'temperature', label: 'Temperature', hint: '0 for code and facts, 1.3 for talk, 1.5 for stories' },
  { name: 'topP', label: 'Top p', hint: 'the likeliest tokens that make up this share' },
  { name: 'maxTokens', label: 'Longest answer', hint: 'in tokens, thinking included' },
  { name: 'frequencyPenalty', label: 'Frequency penalty', hint: 'against frequent words' },
  { name: 'presencePenalty', label: 'Presence penalty', hint: 'against words that were used' },
];

const documentForms: Record<DocumentForm, string> = {
  auto: 'Where this model looks for them',
  named: 'Before the question, with their names',
  system: 'Before the conversation, as system text',
};

function change(fields: Partial<ChatSettings>): void {
  void changeSettings(fields);
}

export function SettingsDialog() {
  const { system, stop, documents, model } = settings.peek();
  return (
    <Dialog title="Settings">
      <div class="fields">
        <label>
          Model
          <select onChange={(event) => change({ model: event.currentTarget.value })}>
            {models.value.map((entry) => (
              <option key={entry.id} value={entry.id} selected={entry.id === model}>
                {entry.id}
                {entry.attention ? ` (${entry.attention})` : ''}
              </option>
            ))}
          </select>
        </label>
        <label>
          System prompt
          <textarea
            rows={3}
            placeholder="Who the model should be, and how it should answer"
            defaultValue={system}
            onInput={(event) => change({ system: event.currentTarget.value })}
          />
        </label>
        <div class="field-grid">
          {sampling.map((field) => (
            <NumberField key={field.name} {...field} />
          ))}
          <label>
            Stop at
            <input
              defaultValue={stop.join(' | ')}
              placeholder="nothing"
              onInput={(event) =>
                change({
                  stop: event.currentTarget.value
                    .split('|')
                    .map((part) => part.trim())
                    .filter(Boolean)
                    .slice(0, maxStopTexts),
                })
              }
            />
            <small>texts, separated by |</small>
          </label>
        </div>
        <label>
          Documents go
          <select onChange={(event) => change({ documents: event.currentTarget.value as DocumentForm })}>
            {Object.entries(documentForms).map(([value, name]) => (
              <option key={value} value={value} selected={value === documents}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <p class="note">For this chat, and for those that you begin after it.</p>
      </div>
    </Dialog>
  );
}
