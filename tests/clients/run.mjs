// Installs the clients into a folder of the build, starts `levin serve` and runs the tests:
//
//   node tests/clients/run.mjs LEVIN FOLDER [MODEL]
//
// Ends with 77 and one sentence if the clients cannot be fetched (no network): ctest then counts
// the test as skipped. With LEVIN_NO_SKIPS=1 in the environment that is a failure.
import {spawn, spawnSync} from 'node:child_process';
import {cpSync, mkdirSync, readdirSync} from 'node:fs';
import {createServer} from 'node:net';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';

const kSkipped = 77;
const source = dirname(fileURLToPath(import.meta.url));
const [levin, folder, givenModel] = process.argv.slice(2);

function install() {
  mkdirSync(folder, {recursive: true});
  for (const name of readdirSync(source).filter((file) => /\.(mjs|json)$/.test(file))) {
    cpSync(join(source, name), join(folder, name));
  }
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline'],
                        {cwd: folder, encoding: 'utf8'});
  if (npm.status !== 0) {
    const mustRun = process.env.LEVIN_NO_SKIPS === '1';
    console.log(`${mustRun ? 'failed' : 'skipped'}: npm cannot fetch the clients\n` +
                `${npm.stderr ?? npm.error}`);
    process.exit(mustRun ? 1 : kSkipped);
  }
}

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

async function waitUntilReady(url, server) {
  for (let i = 0; i < 600; ++i) {
    if (server.exitCode !== null) {
      throw new Error(`levin serve ended with code ${server.exitCode}`);
    }
    const isReady = await fetch(`${url}/models`).then(({ok}) => ok, () => false);
    if (isReady) {
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('levin serve was not ready within a minute');
}

install();
const model = givenModel ?? join(source, '..', '..', 'models', 'mini');
const port = await freePort();
const url = `http://127.0.0.1:${port}`;
const server = spawn(levin, ['serve', model, '--port', String(port), '--accounts', 'none',
                             '--ctx', '2048', '--cache-mib', '256'],
                     {stdio: ['ignore', 'inherit', 'inherit']});
let status = 1;
try {
  await waitUntilReady(url, server);
  const tests = readdirSync(folder).filter((file) => file.endsWith('.test.mjs'));
  status = spawnSync(process.execPath, ['--test', '--test-concurrency=1', ...tests],
                     {cwd: folder, stdio: 'inherit', env: {...process.env, LEVIN_URL: url}})
               .status ?? 1;
} finally {
  server.kill('SIGTERM');
}
process.exit(status);
