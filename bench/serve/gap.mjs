#!/usr/bin/env node
// How long a running answer of `levin serve` waits for its next token while a long prompt is read
// beside it. Prints a Markdown table; exits 1 if a token came later than two steps of that reading, or
// if these steps were not small.
//
//   node bench/serve/gap.mjs [--url http://127.0.0.1:8080] [--prompt-tokens 120000] [--key KEY]
//
// One client streams short answers, one after the other; after some seconds a second one sends a
// prompt of random words and follows the progress of its reading, an event a step. A gap is the time
// between two tokens of one answer; where a character took several tokens they come at once, and each
// has its part of the time. A gap is compared with the step that ended in it: both are the same work,
// so a factor of 1 is the best there is, and 2 would mean that a step left the answer out.
// The server needs a cache with room for both (--cache-mib).
import {performance} from 'node:perf_hooks';
import {parseArgs} from 'node:util';

import {Client, percentile, readEvents} from './client.mjs';
import {makeText, randomStream} from './text.mjs';

const {values: options} = parseArgs({
  options: {
    'url': {type: 'string', default: 'http://127.0.0.1:8080'},
    'prompt-tokens': {type: 'string', default: '120000'},
    'alone-seconds': {type: 'string', default: '5'},
    'key': {type: 'string', default: ''},
  },
});
const promptTokens = Number(options['prompt-tokens']);
const largestFactor = 2;
/// Tokens of a prompt that a step reads while one answer runs (src/runtime/prefill_shares.h).
const smallChunkTokens = 256;
const client = new Client(options);

/// Calls `onEvent` with every event of a streamed answer and the time at which it came.
async function follow(content, maxTokens, onEvent) {
  const response = await client.post('/chat/completions', {
    model: 'deepseek-chat',
    messages: [{role: 'user', content}],
    max_tokens: maxTokens,
    temperature: 1,
    stream: true,
    logprobs: true,
    stream_options: {include_usage: true, include_progress: true},
  });
  for await (const event of readEvents(response)) {
    if (event.error !== undefined) {
      throw new Error(event.error.message);
    }
    onEvent(event, performance.now());
  }
}

/// Answers, again and again until `isOver`: the gaps between their tokens as {start, end, tokens}, of
/// which all but the last gave no text of their own.
async function keepAnswering(random, gaps, isOver) {
  while (!isOver()) {
    let last = null;
    await follow(makeText(random, 12), 512, (event, now) => {
      const tokens = event.choices[0]?.logprobs?.content?.length ?? 0;
      if (tokens > 0) {
        if (last !== null) {
          gaps.push({start: last, end: now, tokens});
        }
        last = now;
      }
    });
  }
}

function row(name, numbers) {
  const cells = [0.5, 0.99, 1].map((share) => percentile(numbers, share).toFixed(1));
  console.log(`| ${name} | ${numbers.length} | ${cells.join(' | ')} |`);
}

const random = randomStream(Date.now());
const gaps = [];
let isOver = false;
const answering = keepAnswering(random, gaps, () => isOver);
const wordCount = await client.wordsFor(promptTokens, makeText(randomStream(1), 400), 400);
await new Promise((resolve) => setTimeout(resolve, 1000 * Number(options['alone-seconds'])));

const progress = [];  // of the long prompt
const begun = performance.now();
let readTokens = 0;
await follow(makeText(random, wordCount), 1, (event, now) => {
  if (event.levin?.prompt_tokens_done !== undefined) {
    progress.push({time: now, tokens: event.levin.prompt_tokens_done});
  }
  readTokens = event.usage?.prompt_tokens ?? readTokens;
});
const ended = performance.now();
isOver = true;
await answering;

const steps = progress.slice(1).map((next, i) => (
    {end: next.time, time: next.time - progress[i].time, tokens: next.tokens - progress[i].tokens}));
const during = gaps.filter(({start, end}) => start >= progress[0]?.time && end <= progress.at(-1).time);
if (steps.length < 10 || during.length < 10) {
  throw new Error(`${steps.length} steps and ${during.length} tokens are too few: ask for more tokens`);
}
/// The gap in terms of the longest step that it overlaps.
const perToken = ({start, end, tokens}) => (end - start) / tokens;
const factors = during.map((gap) => {
  const overlapping = steps.filter((step) => step.end > gap.start && step.end - step.time < gap.end);
  return perToken(gap) / Math.max(...overlapping.map(({time}) => time));
}).filter(Number.isFinite);

console.log(`${readTokens} tokens read in ${((ended - begun) / 1000).toFixed(1)} s, ` +
            `${percentile(steps.map(({tokens}) => tokens), 0.5)} a step\n`);
console.log('| milliseconds | count | p50 | p99 | longest |\n|---|---:|---:|---:|---:|');
row('between tokens, alone', gaps.filter(({end}) => end < begun).map(perToken));
row('between tokens, beside the reading', during.map(perToken));
row('steps of the reading', steps.map(({time}) => time));
const worst = Math.max(...factors);
const usualStep = percentile(steps.map(({tokens}) => tokens), 0.5);
console.log(`\nlongest gap in its step's time: ${worst.toFixed(2)} (bar: below ${largestFactor}), ` +
            `steps of ${usualStep} tokens (bar: at most ${smallChunkTokens})`);
process.exitCode = worst < largestFactor && usualStep <= smallChunkTokens ? 0 : 1;
