// Actions that ask the server: who it is, whether the key is good, how long a text is.
import { batch } from '@preact/signals';
import { countTokens, fetchBalance, listModels } from '../api/client';
import { RequestError } from '../api/errors';
import { saveApiKey } from '../store/preferences';
import { apiKey, apiKeyOnDevice, balance, dialog, models, serverFailure } from './state';

let connecting: Promise<void> | null = null;

/** Models and balance; asks for a key if the server wants one. */
export function connect(): Promise<void> {
  const attempt = askServer().finally(() => {
    if (connecting === attempt) connecting = null;
  });
  connecting = attempt;
  return attempt;
}

/** Comes back when the server has named its models, or could not, or the signal is aborted. */
export async function waitForModels(signal: AbortSignal): Promise<void> {
  if (models.value.length > 0 || signal.aborted) return;
  const aborted = new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.race([connecting ?? connect(), aborted]);
}

async function askServer(): Promise<void> {
  try {
    const found = await listModels(apiKey.value);
    batch(() => {
      models.value = found;
      serverFailure.value = null;
    });
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    serverFailure.value = error.failure;
    if (error.failure.action === 'sign-in') dialog.value = 'sign-in';
    return;
  }
  void refreshBalance();
}

export async function refreshBalance(): Promise<void> {
  try {
    balance.value = await fetchBalance(apiKey.value);
  } catch {
    // A server without accounts, or one that is busy: nothing is shown then.
    balance.value = null;
  }
}

/** Keeps the key if the server takes it; otherwise returns why not. */
export async function signIn(key: string, onDevice: boolean): Promise<string | null> {
  // A header takes no other characters, such as the quotation marks of a text that named the key.
  if (!/^[\x21-\x7e]+$/.test(key)) return 'The server does not know this key.';
  try {
    const found = await listModels(key);
    saveApiKey(key, onDevice);
    batch(() => {
      apiKey.value = key;
      apiKeyOnDevice.value = onDevice;
      models.value = found;
      serverFailure.value = null;
    });
    await refreshBalance();
    return null;
  } catch (error) {
    if (!(error instanceof RequestError)) throw error;
    const { failure } = error;
    if (failure.status === 401) return 'The server does not know this key.';
    return `${failure.title} ${failure.detail}`;
  }
}

export function signOut(): void {
  saveApiKey(null, false);
  batch(() => {
    apiKey.value = null;
    apiKeyOnDevice.value = false;
    balance.value = null;
  });
  void connect();
}

/** Null if the server cannot say, or is no longer asked. */
export async function tryCountTokens(text: string, signal: AbortSignal): Promise<number | null> {
  try {
    return await countTokens(text, apiKey.value, signal);
  } catch {
    return null;
  }
}
