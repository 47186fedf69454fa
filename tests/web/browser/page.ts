// A browser for the tests, which watches for what the page must never do.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core';

/** Stands for this machine, but not, as its other names do, for a secure context. */
export const plainHost = 'levin.test';

const executablePath = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export async function launch(): Promise<Browser> {
  return chromium.launch({
    executablePath,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      `--host-resolver-rules=MAP ${plainHost} 127.0.0.1`,
      '--no-proxy-server',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}

/** Requests to other origins, violated policies and script errors since the page was opened. */
export interface Watch {
  foreignRequests: string[];
  problems: string[];
}

export interface Opened {
  context: BrowserContext;
  page: Page;
  watch: Watch;
}

export interface OpenOptions {
  width?: number;
  height?: number;
  colorScheme?: 'light' | 'dark';
  isTouch?: boolean;
}

/** A page of a fresh profile. */
export async function open(browser: Browser, url: string, options: OpenOptions = {}): Promise<Opened> {
  const context = await browser.newContext({
    viewport: { width: options.width ?? 1200, height: options.height ?? 800 },
    colorScheme: options.colorScheme ?? 'light',
    reducedMotion: 'reduce',
    isMobile: options.isTouch ?? false,
    hasTouch: options.isTouch ?? false,
  });
  const page = await context.newPage();
  const watch: Watch = { foreignRequests: [], problems: [] };
  const origin = new URL(url).origin;
  page.on('request', (request) => {
    const target = new URL(request.url());
    if (target.protocol.startsWith('http') && target.origin !== origin) {
      watch.foreignRequests.push(request.url());
    }
  });
  page.on('pageerror', (error) => watch.problems.push(String(error)));
  page.on('console', (message) => {
    if (/Content.Security.Policy/i.test(message.text())) watch.problems.push(message.text());
  });
  await page.goto(url);
  await page.waitForSelector('#composer');
  return { context, page, watch };
}

/** A folder that is gone when the work is done. */
export async function withFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'levin-web-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
