// What each test of the page against the mock server stands on: one browser for the file, and a
// server of its own for the test.
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, beforeEach, expect } from 'vitest';
import { MockServer } from '../mock_server';
import { launch, open, plainHost, type Opened, type OpenOptions } from './page';

export interface VisitOptions extends OpenOptions {
  /** As from another device: the page is no secure context. */
  isPlainHttp?: boolean;
}

export class Stage {
  mock!: MockServer;
  url!: string;
  private browser!: Browser;
  private opened!: Opened;

  constructor() {
    beforeAll(async () => {
      this.browser = await launch();
    });
    afterAll(() => this.browser.close());
    beforeEach(async () => {
      this.mock = new MockServer();
      this.url = await this.mock.start();
    });
    // Whatever a test did: nothing went elsewhere, no policy was violated, no script failed.
    afterEach(async () => {
      const { watch, context } = this.opened;
      await context.close();
      await this.mock.stop();
      expect(watch).toEqual({ foreignRequests: [], problems: [] });
    });
  }

  /** The page of this test's server in a fresh profile. */
  async visit(options: VisitOptions = {}): Promise<Page> {
    const url = new URL(this.url);
    if (options.isPlainHttp) url.hostname = plainHost;
    this.opened = await open(this.browser, url.href, options);
    return this.opened.page;
  }
}
