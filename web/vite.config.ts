import { defineConfig } from 'vite';

// The bundle is committed and compared: nothing in it may depend on the machine or the time.
// No asset is inlined as a data: URL, and no module preload code is injected, so that the page
// works under a strict Content-Security-Policy.
export default defineConfig({
  base: './',
  build: {
    target: 'es2024',
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    outDir: 'dist',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    sourcemap: false,
  },
  server: {
    // `levin serve` for `npm run dev`.
    proxy: Object.fromEntries(
      ['/v1', '/beta', '/tokenize', '/user'].map((path) => [path, 'http://127.0.0.1:8080']),
    ),
  },
});
