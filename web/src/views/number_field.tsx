// A number of the settings.
import { useEffect, useId, useState } from 'preact/hooks';
import { changeSettings } from '../app/library';
import { model, settings } from '../app/state';
import { explainRange, rangeOf, readNumber } from '../chat/numbers';
import type { NumberSetting } from '../chat/types';

export interface NumberFieldProps {
  name: NumberSetting;
  label: string;
  hint: string;
}

/** An empty field leaves the choice to the server; a number out of range is not taken, and that is said. */
export function NumberField({ name, label, hint }: NumberFieldProps) {
  const id = useId();
  const [text, setText] = useState(String(settings.peek()[name] ?? ''));
  const range = rangeOf(name, model.value?.contextTokens ?? null);
  const isTaken = readNumber(text, range) !== undefined;
  const take = (entered: string) => {
    const number = readNumber(entered, range);
    if (number !== undefined && number !== settings.peek()[name]) void changeSettings({ [name]: number });
  };
  // Another model may take what is entered.
  useEffect(() => take(text), [range.max]);

  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        type="number"
        {...range}
        placeholder="default"
        defaultValue={text}
        aria-invalid={!isTaken}
        aria-describedby={`${id}-hint ${id}-problem`}
        onInput={(event) => {
          const { value, validity } = event.currentTarget;
          // What is no number has no value.
          const entered = validity.badInput ? 'none' : value;
          setText(entered);
          take(entered);
        }}
      />
      <small id={`${id}-hint`}>{hint}</small>
      <small id={`${id}-problem`} class="problem" role="status">
        {isTaken ? '' : explainRange(range, settings.value[name])}
      </small>
    </div>
  );
}
