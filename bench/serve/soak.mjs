#!/usr/bin/env node
// A soak of `levin serve`: starts it, lets good and bad clients at it for a while, and fails unless
// every request ended with an answer or a clear refusal, memory stayed flat, and at the end no
// request, page, connection or reserved money is left over. The clients pay from one key, and prompts
// are kept on disk, too. Prints Markdown.
//
//   node bench/serve/soak.mjs LEVIN [MODEL] [--minutes 20] [--idle 0] [--clients 1] [--log FILE]
//
// --idle N holds N connections that say nothing all the while (both programs need `ulimit -n` above
// that); --idle most: 10,000, or what the limit allows. --clients N takes N times as many clients; --only NAME,... some kinds of them alone. The
// server's log goes to --log (default: soak.log). A program built with a sanitizer must end clean.
import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, openSync, readFileSync, rmSync} from 'node:fs';
import {createServer} from 'node:net';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {fileURLToPath} from 'node:url';
import {parseArgs} from 'node:util';

import {RawConnection} from './raw_http.mjs';
import {clients} from './soak_clients.mjs';
import {makeText, randomStream} from './text.mjs';

const {values: options, positionals} = parseArgs({
  allowPositionals: true,
  options: {
    minutes: {type: 'string', default: '20'},
    idle: {type: 'string', default: '0'},
    clients: {type: 'string', default: '1'},
    only: {type: 'string', default: ''},
    log: {type: 'string', default: 'soak.log'},
  },
});
const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
const [levin, model = join(root, 'models', 'mini')] = positionals;
if (levin === undefined) {
  console.error('usage: node bench/serve/soak.mjs LEVIN [MODEL] [--minutes N] [--idle N]');
  process.exit(2);
}

const kLagSeconds = 5;
const kSampleSeconds = 5;
/// Until then caches fill and allocators find their size. Shorter soaks do not judge memory.
const kWarmUpSeconds = 180;
/// Over less time than that a slope says nothing.
const kSlopeSeconds = 600;
const kMaxMibAnHour = 32;
const kPaidUsd = 1000;
const kMib = 1 << 20;
const kOtherDescriptors = 1500;
const idleCount = options.idle === 'most' ? mostIdle() : Number(options.idle);
const failures = [];

/// Node and the server raise their limit of open files to the hard one.
function mostIdle() {
  const limits = readFileSync('/proc/self/limits', 'utf8');
  const hard = Number(/Max open files +\S+ +(\d+)/.exec(limits)?.[1] ?? Infinity);
  return Math.max(0, Math.min(10_000, hard - kOtherDescriptors));
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
const mib = (bytes) => (bytes / kMib).toFixed(1);

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const {port} = server.address();
      server.close(() => resolve(port));
    });
  });
}

/// Accounts and pages on disk.
const state = mkdtempSync(join(tmpdir(), 'levin-soak-'));
const accounts = join(state, 'accounts.db');

/// `levin keys ...`, with what it prints as JSON.
function keys(...args) {
  const {stdout, stderr, status} =
      spawnSync(levin, ['keys', ...args, '--accounts', accounts, '--json'], {encoding: 'utf8'});
  if (status !== 0) {
    throw new Error(`levin keys ${args[0]} ended with ${status}: ${stderr}`);
  }
  return JSON.parse(stdout);
}

function startServer(port, modelFolder) {
  const log = openSync(options.log, 'w');
  const connections = String(idleCount + 1000);
  const server = spawn(
      levin,
      ['serve', modelFolder, '--port', String(port), '--accounts', accounts, '--ctx', '2048',
       '--cache-mib', '64', '--disk-cache', state, '--disk-cache-mib', '256', '--max-waiting', '16', '--max-connections', connections,
       '--max-connections-per-address', connections, '--header-seconds', '3', '--body-seconds', '8',
       '--lag-seconds', String(kLagSeconds), '--idle-seconds', '3600'],
      {stdio: ['ignore', log, log]});
  server.hasEnded = new Promise((resolve) => server.on('exit', (code, signal) => resolve(code ?? signal)));
  return server;
}

async function waitUntilReady(url, server) {
  for (let i = 0; i < 3000 && server.exitCode === null; ++i) {
    if (await fetch(`${url}/ready`).then(({ok}) => ok, () => false)) {
      return;
    }
    await sleep(0.1);
  }
  throw new Error(`levin serve did not get ready; see ${options.log}`);
}

/// {"name{labels}": value}
async function readMetrics(url) {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Object.fromEntries(text.split('\n')
                                .filter((line) => line !== '' && !line.startsWith('#'))
                                .map((line) => line.split(/ (?=[^ ]*$)/))
                                .map(([name, value]) => [name, Number(value)]));
}

const memoryOf = (metrics) => metrics['levin_memory_bytes{kind="anonymous"}'];
const pagesOf = (metrics, state) => metrics[`levin_cache_pages{state="${state}"}`];
const allPages = (metrics) =>
    pagesOf(metrics, 'held') + pagesOf(metrics, 'idle') + pagesOf(metrics, 'free');
const requestsOf = (metrics) => ['waiting', 'running', 'paused'].reduce(
    (sum, state) => sum + metrics[`levin_requests{state="${state}"}`], 0);

async function openIdle(context) {
  const before = memoryOf(await readMetrics(context.url));
  const connections = [];
  while (connections.length < idleCount) {
    const some = Array.from({length: Math.min(100, idleCount - connections.length)},
                            () => new RawConnection(context));
    await Promise.all(some.map((connection) => connection.isConnected()));
    connections.push(...some);
  }
  // The last ones may still wait to be accepted.
  let metrics = await readMetrics(context.url);
  for (let i = 0; i < 100 && metrics.levin_http_connections < idleCount; ++i) {
    await sleep(0.1);
    metrics = await readMetrics(context.url);
  }
  const open = metrics.levin_http_connections;
  if (open < idleCount) {
    failures.push(`${open} of ${idleCount} idle connections are open; see ulimit -n`);
  }
  if (idleCount > 0) {
    console.log(`${idleCount} idle connections: ${mib(memoryOf(metrics) - before)} MiB, ` +
                `${((memoryOf(metrics) - before) / idleCount / 1024).toFixed(1)} KiB each\n`);
  }
  return connections;
}

/// The idle ones must still be there, and be answered once they speak.
async function closeIdle(connections) {
  const gone = connections.filter(({isEnded}) => isEnded).length;
  const sample = connections.filter((_, i) => i % 97 === 0);
  await Promise.all(
      sample.map((connection) => connection.send('GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n')));
  const statuses = await Promise.all(sample.map((connection) => connection.waitForStatus(30)));
  const silent = statuses.filter((status) => status !== 200).length;
  if (gone + silent > 0) {
    failures.push(`${gone} idle connections were closed, ${silent} of ${sample.length} not answered`);
  }
  connections.forEach((connection) => connection.destroy());
}

async function runClient(kind, context, tally, hasTime) {
  for (; hasTime(); context.turn += 1) {
    const start = Date.now();
    let outcome;
    try {
      outcome = await kind.ask(context);
    } catch (error) {
      outcome = 'LOST';
      const reason = `${kind.name}: ${error.message} (${error.cause?.message ?? error.name})`;
      if (failures.push(reason) <= 20) {
        console.error(reason);
      }
    }
    tally[outcome] = (tally[outcome] ?? 0) + 1;
    tally.slowestSeconds = Math.max(tally.slowestSeconds ?? 0, (Date.now() - start) / 1000);
    const pause = outcome === 'refused' ? 0.2 : 0;  // as Retry-After asks, but busier
    await sleep(kind.pause ?? pause);
  }
}

async function soak(context) {
  const end = Date.now() + Number(options.minutes) * 60_000;
  const hasTime = () => Date.now() < end;
  const tallies = {};
  const running = [];
  const only = options.only.split(',').filter((name) => name !== '');
  for (const kind of clients.filter(({name}) => only.length === 0 || only.includes(name))) {
    tallies[kind.name] = {};
    for (let i = 0; i < kind.count * Number(options.clients); ++i) {
      const own = {...context, random: randomStream(running.length + 1), turn: i};
      running.push(runClient(kind, own, tallies[kind.name], hasTime));
    }
  }
  const samples = [];
  const sampler = (async () => {
    while (hasTime()) {
      samples.push(memoryOf(await readMetrics(context.url)));
      await sleep(kSampleSeconds);
    }
  })();
  await Promise.all([...running, sampler]);
  return {tallies, samples};
}

/// What is still there a moment after the last client: nothing, or failures.
async function checkRest(context, before) {
  let metrics = {};
  let rest = [];
  for (let i = 0; i < 60; ++i) {
    metrics = await readMetrics(context.url);
    rest = [
      [requestsOf(metrics), 0, 'requests in the engine'],
      [pagesOf(metrics, 'held'), 0, 'pages held'],
      [allPages(metrics), allPages(before), 'pages held, idle and free'],
      // Those of this program that are kept alive.
      [Math.max(0, metrics.levin_http_connections - 2), 0, 'connections'],
    ].filter(([got, wanted]) => got !== wanted);
    if (rest.length === 0) {
      break;
    }
    await sleep(0.5);
  }
  failures.push(...rest.map(([got, wanted, what]) => `${what} at the end: ${got}, not ${wanted}`));
  return metrics;
}

function printTallies(tallies) {
  console.log('| clients | answered | refused | cut off | left | lost | slowest s |');
  console.log('|---|---|---|---|---|---|---|');
  for (const [name, tally] of Object.entries(tallies)) {
    const counts = ['answered', 'refused', 'cut off', 'left', 'LOST'].map((key) => tally[key] ?? 0);
    console.log(`| ${name} | ${counts.join(' | ')} | ${(tally.slowestSeconds ?? 0).toFixed(1)} |`);
  }
}

/// Bytes a second by which the samples rise on average (least squares).
function slopeOf(samples) {
  const middle = (samples.length - 1) / 2;
  const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
  const rise = samples.reduce((sum, value, i) => sum + (i - middle) * (value - mean), 0);
  const spread = samples.reduce((sum, _, i) => sum + (i - middle) ** 2, 0);
  return rise / spread / kSampleSeconds;
}

/// One bar for each of at most 60 equal spans of time: the most memory in it, between the least and most of all.
function barsOf(samples) {
  const lowest = Math.min(...samples);
  const span = Math.max(1, Math.max(...samples) - lowest);
  const count = Math.min(60, samples.length);
  return Array.from({length: count}, (_, i) => {
    const [from, to] = [i, i + 1].map((edge) => Math.floor((edge * samples.length) / count));
    const highest = Math.max(...samples.slice(from, to));
    return '▁▂▃▄▅▆▇█'[Math.round((7 * (highest - lowest)) / span)];
  }).join('');
}

function checkMemory(samples, last) {
  const warmUpSamples = kWarmUpSeconds / kSampleSeconds;
  const start = samples[warmUpSamples];
  const middle = samples[Math.floor(samples.length / 2)];
  const warm = start === undefined ? 'never' : mib(start);
  console.log(`\nmemory (anonymous) MiB: ${mib(samples[0])} at the first sample, ${warm} when warm, ` +
              `${mib(middle)} in the middle, ${mib(samples.at(-1))} in the last, ` +
              `${mib(Math.max(...samples))} at most, ${mib(last)} after the end`);
  console.log(`from ${mib(Math.min(...samples))} to ${mib(Math.max(...samples))}: ${barsOf(samples)}`);
  if (last > 1.1 * start + 32 * kMib) {
    failures.push(`memory grew from ${mib(start)} to ${mib(last)} MiB`);
  }
  const judged = samples.slice(warmUpSamples);
  if (judged.length * kSampleSeconds >= kSlopeSeconds) {
    const mibAnHour = 3600 * slopeOf(judged) / kMib;
    console.log(`from then on it rises by ${mibAnHour.toFixed(1)} MiB an hour`);
    if (mibAnHour > kMaxMibAnHour) {
      failures.push(`memory rises by ${mibAnHour.toFixed(1)} MiB an hour, more than ${kMaxMibAnHour}`);
    }
  }
}

/// Every request was charged what it used, and holds no money back.
function checkMoney(paid) {
  const [{balance}] = keys('list');
  const spent = paid - Number(balance.total_balance);
  console.log(`money: ${spent.toFixed(4)} USD spent, ${balance.reserved} reserved`);
  if (Number(balance.reserved) !== 0 || !(spent > 0)) {
    failures.push(`money: ${spent} USD spent, ${balance.reserved} reserved at the end`);
  }
}

const {key} = keys('create', 'soak', '--topup', String(kPaidUsd));
const port = await freePort();
const server = startServer(port, model);
const context = {
  url: `http://127.0.0.1:${port}`,
  host: '127.0.0.1',
  port,
  headers: {Authorization: `Bearer ${key}`},
  lagSeconds: kLagSeconds,
  document: makeText(randomStream(7), 900),
};
try {
  await waitUntilReady(context.url, server);
  const before = await readMetrics(context.url);
  const idle = await openIdle(context);
  const {tallies, samples} = await soak(context);
  await closeIdle(idle);
  const after = await checkRest(context, before);
  printTallies(tallies);
  checkMemory(samples, memoryOf(after));
  console.log(`pages: ${pagesOf(after, 'held')} held, ${pagesOf(after, 'idle')} idle, ` +
              `${pagesOf(after, 'free')} free, ${after.levin_cache_evicted_pages_total} evicted on the way; ` +
              `${requestsOf(after)} requests left`);
} catch (error) {
  failures.push(`${error.message} (${error.cause?.message ?? error.name})`);
} finally {
  server.kill('SIGTERM');
}
const code = await server.hasEnded;
if (code !== 0) {
  failures.push(`levin serve ended with ${code}; see ${options.log}`);
}
checkMoney(kPaidUsd);
rmSync(state, {recursive: true});
const failed = readFileSync(options.log, 'utf8').split('\n').filter((line) => / failed: |WARNING: ThreadSanitizer/.test(line));
failures.push(...failed.slice(0, 5).map((line) => `log: ${line}`));
console.log(failures.length === 0 ? '\nnothing was lost' : `\n${failures.length} FAILURES`);
failures.slice(0, 20).forEach((failure) => console.log(`- ${failure}`));
process.exit(failures.length === 0 ? 0 : 1);
