// The real server, for the tests that need it: the program that the environment variable LEVIN names.
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const repository = fileURLToPath(new URL('../../../', import.meta.url));
const greeting = /chat page\s+(http:\S+)/;

export interface LevinServer {
  url: string;
  stop(): Promise<void>;
}

/** `levin serve models/mini` on a free port, without accounts. */
export async function startLevin(program: string): Promise<LevinServer> {
  const child = spawn(program, ['serve', 'models/mini', '--port', '0', '--accounts', 'none'], {
    cwd: repository,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  const url = await readAddress(child);
  return {
    url,
    stop: async () => {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

function readAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = '';
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece.toString();
      const url = greeting.exec(said)?.[1];
      if (url) resolve(url);
    });
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`levin serve ended with code ${code}: ${said}`)));
  });
}
