import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const modules = fileURLToPath(new URL('./node_modules/', import.meta.url));

// The tests lie in tests/web, outside of this folder, and find the packages here.
export default defineConfig({
  cacheDir: `${modules}.vite`, // not beside the tests
  resolve: {
    alias: ['vitest', 'playwright-core', 'axe-core', 'fake-indexeddb'].map((name) => ({
      find: new RegExp(`^${name}(?=/|$)`),
      replacement: `${modules}${name}`,
    })),
  },
  server: { fs: { strict: false } },
  test: {
    root: fileURLToPath(new URL('..', import.meta.url)),
    include: ['**/*.test.ts'],
    environment: 'node',
    testTimeout: 120_000,
    hookTimeout: 120_000,
    fileParallelism: false,
    // A browser on a busy machine may miss a moment. The report names what passed at a second try.
    retry: 1,
  },
});
