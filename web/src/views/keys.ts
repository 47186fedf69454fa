// What a key press means.

/**
 * True while the key belongs to an input method, as those of Chinese and Japanese do: its Enter takes
 * a proposal. Safari has ended the composition by then, and tells only by the code 229.
 */
export function isComposing(event: KeyboardEvent): boolean {
  return event.isComposing || event.keyCode === 229;
}
