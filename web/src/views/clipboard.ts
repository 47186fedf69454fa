// Copying, also where the page is not served over https and the clipboard API is missing.
import { notify } from '../app/state';

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const focused = document.activeElement;
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
    return copied;
  }
}

/** Copies and says so. */
export async function copy(text: string): Promise<void> {
  notify((await copyText(text)) ? 'Copied.' : 'The browser does not allow copying.');
}
