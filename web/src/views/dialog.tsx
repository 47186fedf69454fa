// The frame of every dialog.
import type { ComponentChildren } from 'preact';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { dialog } from '../app/state';
import { IconButton } from './icons';

/** A modal dialog: the browser keeps the focus inside and closes it with Escape. */
export function Dialog({ title, children }: { title: string; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const pressed = useRef<EventTarget | null>(null);
  useLayoutEffect(() => {
    const shown = element.current;
    shown?.showModal();
    // Only closing gives the focus back to where it was; taking the element away does not. A layout
    // effect ends while the element is still there.
    return () => shown?.close();
  }, []);
  const close = () => (dialog.value = null);
  return (
    <dialog
      ref={element}
      aria-label={title}
      onClose={() => {
        // Not when the dialog is gone: another one may be open by then.
        if (element.current) close();
      }}
      onPointerDown={(event) => (pressed.current = event.target)}
      onClick={(event) => {
        // Beside the dialog, and not at the end of a selection that began inside.
        if (event.target === element.current && pressed.current === element.current) close();
      }}
    >
      <div class="dialog-body">
        <div class="dialog-title">
          <h2>{title}</h2>
          <IconButton icon="close" label="Close" onClick={close} />
        </div>
        {children}
      </div>
    </dialog>
  );
}
