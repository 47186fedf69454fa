#!/usr/bin/env node
// An open-loop load for `levin serve`: requests begin when their time has come, whether or not
// earlier ones have ended, and their latency counts from that time. Prints a Markdown table.
//
//   node bench/serve/load.mjs [--url http://127.0.0.1:8080] [--clients 1,8,32] [--rate 0.5]
//                             [--seconds 20] [--prompt-tokens 512] [--max-tokens 64] [--key KEY]
//
// Each of the N clients asks `--rate` times a second on average, at random times (Poisson). Cold:
// every prompt is new from its first word on. Hot: all prompts share all but their last words.
import {performance} from 'node:perf_hooks';
import {parseArgs} from 'node:util';

import {Client, percentile, readEvents} from './client.mjs';
import {makeText, randomStream} from './text.mjs';

const {values: options} = parseArgs({
  options: {
    'url': {type: 'string', default: 'http://127.0.0.1:8080'},
    'clients': {type: 'string', default: '1,8,32'},
    'rate': {type: 'string', default: '0.5'},
    'seconds': {type: 'string', default: '20'},
    'prompt-tokens': {type: 'string', default: '512'},
    'max-tokens': {type: 'string', default: '64'},
    'key': {type: 'string', default: ''},
  },
});
const seconds = Number(options.seconds);
const client = new Client(options);

/// One streamed answer: when its tokens came, in milliseconds after `due`.
async function ask(content, due) {
  const result = {tokenTimes: [], usage: null, status: 0};
  const response = await client.send('/chat/completions', {
    model: 'deepseek-chat',
    messages: [{role: 'user', content}],
    max_tokens: Number(options['max-tokens']),
    stream: true,
    stream_options: {include_usage: true},
  });
  result.status = response.status;
  if (!response.ok) {
    await response.text();
    return result;
  }
  for await (const event of readEvents(response)) {
    result.usage = event.usage ?? result.usage;
    if (event.error !== undefined) {
      result.status = 500;
    } else if (event.choices[0]?.delta?.content) {
      result.tokenTimes.push(performance.now() - due);
    }
  }
  return result;
}

function row(clients, cache, results, elapsedSeconds) {
  const answered = results.filter(({status}) => status === 200);
  const firsts = answered.filter(({tokenTimes}) => tokenTimes.length > 0)
                     .map(({tokenTimes}) => tokenTimes[0]);
  const gaps = answered.flatMap(
      ({tokenTimes}) => tokenTimes.slice(1).map((time, i) => time - tokenTimes[i]));
  const sum = (member) => answered.reduce((total, {usage}) => total + (usage?.[member] ?? 0), 0);
  // 429: queue or key; 503: more connections than the server takes from one address.
  const refused = results.filter(({status}) => status === 429 || status === 503).length;
  const times = (numbers) =>
      [0.5, 0.95, 0.99].map((share) => percentile(numbers, share).toFixed(1)).join(' / ');
  const hit = sum('prompt_cache_hit_tokens') / Math.max(1, sum('prompt_tokens'));
  console.log(
      `| ${clients} | ${cache} | ${answered.length} | ${refused} | ` +
      `${results.length - answered.length - refused} | ${(100 * hit).toFixed(0)} | ` +
      `${(sum('prompt_tokens') / elapsedSeconds).toFixed(0)} | ` +
      `${(sum('completion_tokens') / elapsedSeconds).toFixed(1)} | ` +
      `${times(firsts)} | ${times(gaps)} |`);
}

async function run(clients, cache, wordCount, seed) {
  const random = randomStream(seed);
  const shared = makeText(random, wordCount);
  if (cache === 'hot') {
    await ask(shared, performance.now());
  }
  const start = performance.now();
  const running = [];
  for (let due = start; ;) {
    due += (-Math.log(1 - random()) / (clients * Number(options.rate))) * 1000;
    if (due > start + seconds * 1000) {
      break;
    }
    const end = makeText(random, 8);
    const content = cache === 'hot' ? `${shared} ${end}` : makeText(random, wordCount);
    await new Promise((resolve) => setTimeout(resolve, due - performance.now()));
    const begun = due;
    running.push(ask(content, begun).catch(() => ({tokenTimes: [], usage: null, status: 0})));
  }
  const results = await Promise.all(running);
  row(clients, cache, results, (performance.now() - start) / 1000);
}

const wordCount = await client.wordsFor(Number(options['prompt-tokens']), makeText(randomStream(1), 400), 400);
console.log('| clients | cache | answered | refused | failed | hit % | tokens in/s | tokens out/s | ' +
            'first token ms p50 / p95 / p99 | between tokens ms p50 / p95 / p99 |');
console.log('|---|---|---|---|---|---|---|---|---|---|');
let seed = Date.now();
for (const clients of options.clients.split(',').map(Number)) {
  for (const cache of ['cold', 'hot']) {
    await run(clients, cache, wordCount, seed++);
  }
}
