// The whole page.
import { useEffect, useState } from 'preact/hooks';
import { addFiles } from '../app/draft';
import { announcement, current, dismiss, drawerOpen, notices, sidebarOpen, theme } from '../app/state';
import { Composer } from './composer';
import { Dialogs } from './dialogs';
import { Header } from './header';
import { IconButton } from './icons';
import { onShortcut } from './shortcuts';
import { Sidebar } from './sidebar';
import { Transcript } from './transcript';

function Notices() {
  return (
    <div class="notices" role="status">
      {notices.value.map((notice) => (
        <div class={notice.isError ? 'notice error' : 'notice'} key={notice.id}>
          <span>{notice.text}</span>
          <IconButton icon="close" label="Dismiss" onClick={() => dismiss(notice.id)} />
        </div>
      ))}
    </div>
  );
}

/** Files may be dropped anywhere. */
function useDrop(): boolean {
  const [isDropping, setDropping] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDropping(true);
    };
    // Only who leaves the page enters nothing. Entering and leaving cannot be counted: an answer that
    // grows takes elements away, which are then never left.
    const leave = (event: DragEvent) => {
      if (hasFiles(event) && event.relatedTarget === null) setDropping(false);
    };
    const drop = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setDropping(false);
      void addFiles([...(event.dataTransfer?.files ?? [])]);
      document.getElementById('composer')?.focus();
    };
    const stop = new AbortController();
    const { signal } = stop;
    addEventListener('dragleave', leave, { signal });
    addEventListener('dragover', over, { signal });
    addEventListener('drop', drop, { signal });
    return () => stop.abort();
  }, []);
  return isDropping;
}

export function App() {
  const isDropping = useDrop();
  const title = current.value?.title;
  useEffect(() => {
    addEventListener('keydown', onShortcut);
    document.getElementById('composer')?.focus();
    return () => removeEventListener('keydown', onShortcut);
  }, []);
  useEffect(() => {
    document.title = title ? `${title} · Levin` : 'Levin';
  }, [title]);
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme.value;
  }, [theme.value]);

  const layout = ['layout', sidebarOpen.value ? '' : 'no-sidebar', drawerOpen.value ? 'drawer' : ''];
  return (
    <div class={layout.filter(Boolean).join(' ')}>
      <Sidebar />
      <div class="shade" onClick={() => (drawerOpen.value = false)} />
      <main>
        <Header />
        <Transcript />
        <div class="dock">
          <Composer />
          <p class="fine-print">Answers may be wrong. Conversations stay in this browser.</p>
        </div>
      </main>
      <Dialogs />
      <Notices />
      {isDropping && <div class="drop-hint">Drop the documents to add them</div>}
      <div class="visually-hidden" role="status">
        {announcement.value}
      </div>
    </div>
  );
}
