// The small dialogs: sign-in, keyboard help, export and import.
import { useRef, useState } from 'preact/hooks';
import { exportAs, importFrom } from '../app/library';
import { signIn, signOut } from '../app/server';
import { apiKey, apiKeyOnDevice, dialog } from '../app/state';
import { Dialog } from './dialog';
import { SettingsDialog } from './settings_dialog';
import { shortcuts } from './shortcuts';

function SignInDialog() {
  const [key, setKey] = useState('');
  const [onDevice, setOnDevice] = useState(apiKeyOnDevice.value);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(false);
  const submit = async () => {
    setBusy(true);
    const failed = await signIn(key.trim(), onDevice);
    setBusy(false);
    setProblem(failed);
    if (failed === null) dialog.value = null;
  };
  return (
    <Dialog title="Sign in">
      <form
        class="fields"
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <p>Whoever runs this server makes keys with <code>levin keys create</code>.</p>
        <label>
          Key
          <input
            type="password"
            autoComplete="off"
            spellcheck={false}
            value={key}
            required
            onInput={(event) => setKey(event.currentTarget.value)}
          />
        </label>
        <label class="check">
          <input type="checkbox" checked={onDevice} onChange={(event) => setOnDevice(event.currentTarget.checked)} />
          Keep it on this device (otherwise until this tab closes)
        </label>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <div class="dialog-actions">
          {apiKey.value && (
            <button
              type="button"
              class="button"
              onClick={() => {
                dialog.value = null;
                signOut();
              }}
            >
              Sign out
            </button>
          )}
          <button type="submit" class="button primary" disabled={isBusy || key.trim() === ''}>
            Sign in
          </button>
        </div>
      </form>
    </Dialog>
  );
}

function HelpDialog() {
  return (
    <Dialog title="Keyboard shortcuts">
      <dl class="shortcuts">
        {shortcuts().map(({ keys, does }) => (
          <div key={does}>
            <dt>
              {keys.map((key) => (
                <kbd key={key}>{key}</kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      {navigator.platform.startsWith('Mac') && <p>Alt is Option (⌥) here, and writes characters while you are in a text field.</p>}
    </Dialog>
  );
}

function DataDialog() {
  const chooser = useRef<HTMLInputElement>(null);
  return (
    <Dialog title="Export and import">
      <p>Conversations stay in this browser. A file moves them to another one, or keeps them safe.</p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={() => chooser.current?.click()}>
          Import a file
        </button>
        <button type="button" class="button primary" onClick={() => void exportAs('levin-conversations')}>
          Export all
        </button>
      </div>
      <input
        ref={chooser}
        id="import"
        type="file"
        accept="application/json,.json"
        hidden
        aria-label="File to import"
        onChange={(event) => {
          const file = event.currentTarget.files?.[0];
          if (file) void importFrom(file);
          dialog.value = null;
        }}
      />
    </Dialog>
  );
}

export function Dialogs() {
  switch (dialog.value) {
    case 'settings':
      return <SettingsDialog />;
    case 'sign-in':
      return <SignInDialog />;
    case 'help':
      return <HelpDialog />;
    case 'data':
      return <DataDialog />;
    default:
      return null;
  }
}
