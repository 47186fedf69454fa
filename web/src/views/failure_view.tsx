// A failure as a sentence with something to do about it.
import { useEffect, useState } from 'preact/hooks';
import type { Failure } from '../api/errors';
import { dialog } from '../app/state';

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

interface FailureProps {
  failure: Failure;
  /** What a retry would do is under way already. */
  isBusy?: boolean;
  onRetry: () => void;
  onShorten?: () => void;
}

export function FailureView({ failure, isBusy = false, onRetry, onShorten }: FailureProps) {
  const seconds = useCountdown(failure.retryAt);
  return (
    <div class="failure">
      {/* Not around the button: a screen reader would read all of it again with every second. */}
      <p role="alert">
        <strong>{failure.title}</strong> {failure.detail}
      </p>
      <div class="failure-actions">
        {(failure.action === 'sign-in' || failure.action === 'balance') && (
          <button type="button" class="button" onClick={() => (dialog.value = 'sign-in')}>
            Sign in
          </button>
        )}
        {(failure.action === 'settings' || failure.action === 'balance') && (
          <button type="button" class="button" onClick={() => (dialog.value = 'settings')}>
            Open the settings
          </button>
        )}
        {failure.action === 'shorten' && onShorten && (
          <button type="button" class="button" onClick={onShorten}>
            Start a new chat
          </button>
        )}
        <button type="button" class="button" disabled={seconds > 0 || isBusy} onClick={onRetry}>
          {seconds > 0 ? `Try again in ${seconds} s` : 'Try again'}
        </button>
        {failure.requestId && <small>Request {failure.requestId}</small>}
      </div>
    </div>
  );
}
