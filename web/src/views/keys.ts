// What a key press means.

/**
 * True while the key belongs to an input method, as those of Chinese and Japanese do: its Enter takes
 * a proposal. Safari has ended the composition by then, and tells only by the code 229.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}

/** On a touch screen Enter begins a new line, since its keyboard has no Shift for that; a button sends. */
export function hasTouchKeyboard(): boolean {
  return matchMedia('(pointer: coarse)').matches;
}

/** True for the key press that sends what is written. */
export function sendsText(event: KeyboardEvent): boolean {
  if (event.key !== 'Enter' || event.shiftKey || isComposing(event)) return false;
  return event.ctrlKey || event.metaKey || !hasTouchKeyboard();
}
