// A failure as a sentence with something to do about it.
import type { ComponentChildren } from 'preact';
import { useEffect, useState } from 'preact/hooks';
import type { Failure, FailureAction } from '../api/errors';
import { dialog, type DialogName } from '../app/state';

/** Seconds until `time`, counted down; 0 once it has passed. */
function useCountdown(time: number | null): number {
  const left = () => (time === null ? 0 : Math.max(0, Math.ceil((time - Date.now()) / 1000)));
  const [seconds, setSeconds] = useState(left);
  useEffect(() => {
    setSeconds(left());
    if (left() === 0) return undefined;
    const timer = setInterval(() => setSeconds(left()), 250);
    return () => clearInterval(timer);
  }, [time]);
  return seconds;
}

type Help = 'sign-in' | 'settings' | 'edit' | 'new-chat';

/** What helps against a failure, besides trying again. */
const helps: Record<FailureAction, readonly Help[]> = {
  'sign-in': ['sign-in'],
  balance: ['sign-in', 'settings'],
  settings: ['settings'],
  shorten: ['edit', 'new-chat'],
  'shorten-or-lower': ['settings', 'edit', 'new-chat'],
  retry: [],
  none: [],
};

function HelpButton({ label, onClick }: { label: string; onClick: () => void }) {
  return (
    <button type="button" class="button" onClick={onClick}>
      {label}
    </button>
  );
}

interface FailureProps {
  failure: Failure;
  /** What a retry would do is under way already. */
  isBusy?: boolean;
  onRetry: () => void;
  onEdit?: () => void;
  onNewChat?: () => void;
  /** More buttons, before the others. */
  children?: ComponentChildren;
}

export function FailureView({ failure, isBusy = false, onRetry, onEdit, onNewChat, children }: FailureProps) {
  const has = (help: Help) => helps[failure.action].includes(help);
  const open = (name: DialogName) => () => (dialog.value = name);
  const seconds = useCountdown(failure.retryAt);
  return (
    <div class="failure">
      {/* Not around the button: a screen reader would read all of it again with every second. */}
      <p role="alert">
        <strong>{failure.title}</strong> {failure.detail}
      </p>
      <div class="failure-actions">
        {children}
        {has('sign-in') && <HelpButton label="Sign in" onClick={open('sign-in')} />}
        {has('settings') && <HelpButton label="Open the settings" onClick={open('settings')} />}
        {has('edit') && onEdit && <HelpButton label="Edit the question" onClick={onEdit} />}
        {has('new-chat') && onNewChat && <HelpButton label="Start a new chat" onClick={onNewChat} />}
        <button type="button" class="button" disabled={seconds > 0 || isBusy} onClick={onRetry}>
          {seconds > 0 ? `Try again in ${seconds} s` : 'Try again'}
        </button>
        {failure.requestId && <small>Request {failure.requestId}</small>}
      </div>
    </div>
  );
}
