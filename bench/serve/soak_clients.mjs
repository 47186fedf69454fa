// The clients of the soak, good and bad. Each makes one request and returns how it ended:
//   answered   the whole answer came and is well formed
//   refused    a status that says why, which a client of this kind must expect
//   cut off    it did not read, and the server ended it
//   left       the client went away itself, as it meant to
// Anything else throws: that is what the soak looks for.
import {post, postHead, RawConnection} from './raw_http.mjs';
import {makeText} from './text.mjs';

/// The longest that any answer may take.
const kPatienceSeconds = 120;
/// For an answer of many tokens beside all the others.
const kLongPatienceSeconds = 900;
const kMib = 1 << 20;

class Surprise extends Error {}

function require(holds, what) {
  if (!holds) {
    throw new Surprise(what);
  }
}

const sleep = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));

/// A server under load may say so.
const kBusy = [429, 503];

/** A client of good will: it waits as long as a loaded machine may take. */
function postPatiently(context, path, body) {
  return fetch(`${context.url}${path}`, {
    method: 'POST',
    headers: {'Content-Type': 'application/json', ...context.headers},
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(kPatienceSeconds * 1000),
  });
}

async function fetchJson(context, path, body) {
  const response = await postPatiently(context, path, body);
  const text = await response.text();
  if (kBusy.includes(response.status)) {
    require(JSON.parse(text).error.message !== '', 'a refusal without a reason');
    require(response.headers.get('retry-after') !== null, 'a refusal without Retry-After');
    return {status: response.status};
  }
  return {status: response.status, body: JSON.parse(text), text};
}

function chatBody({random}, more = {}) {
  return {
    model: 'deepseek-chat',
    messages: [{role: 'user', content: makeText(random, 20 + Math.floor(random() * 200))}],
    max_tokens: 8 + Math.floor(random() * 56),
    ...more,
  };
}

async function expectAnswer(context, path, body, check) {
  const answer = await fetchJson(context, path, body);
  if (kBusy.includes(answer.status)) {
    return 'refused';
  }
  require(answer.status === 200, `status ${answer.status}: ${answer.text?.slice(0, 200)}`);
  check(answer.body);
  return 'answered';
}

const hasEnded = (body) => require(body.choices[0].finish_reason !== null, 'no finish_reason');

async function whole(context) {
  return expectAnswer(context, '/v1/chat/completions', chatBody(context), (body) => {
    hasEnded(body);
    require(body.usage.completion_tokens > 0, 'no tokens');
  });
}

async function stream(context) {
  const body = chatBody(context, {stream: true, stream_options: {include_usage: true}});
  const response = await postPatiently(context, '/chat/completions', body);
  const text = await response.text();
  if (kBusy.includes(response.status)) {
    return 'refused';
  }
  require(response.status === 200, `status ${response.status}: ${text.slice(0, 200)}`);
  const data = text.split('\n').filter((line) => line.startsWith('data: '));
  require(data.at(-1) === 'data: [DONE]', `a stream ends with ${data.at(-1)?.slice(0, 200)}`);
  const usage = JSON.parse(data.at(-2).slice('data: '.length)).usage;
  require(usage.completion_tokens > 0, 'a stream without usage');
  return 'answered';
}

/// Prompts that begin alike, and long ones that push them out of the cache.
async function longDocument(context) {
  const {random} = context;
  const isShared = random() < 0.5;
  const content = (isShared ? context.document : makeText(random, 900)) + makeText(random, 10);
  return expectAnswer(context, '/chat/completions',
                      chatBody(context, {messages: [{role: 'user', content}]}), hasEnded);
}

const weather = {
  type: 'function',
  function: {
    name: 'get_weather',
    strict: true,
    parameters: {
      type: 'object',
      properties: {city: {type: 'string', enum: ['Oslo', 'Rome']}, days: {type: 'integer', minimum: 1, maximum: 9}},
      required: ['city', 'days'],
      additionalProperties: false,
    },
  },
};

async function tools(context) {
  const body = chatBody(context, {
    tools: [weather],
    tool_choice: 'required',
    parallel_tool_calls: false,
    max_tokens: 200,
  });
  return expectAnswer(context, '/chat/completions', body, ({choices: [choice]}) => {
    if (choice.finish_reason === 'length') {
      return;
    }
    const calls = choice.message.tool_calls;
    require(calls.length === 1, `${calls.length} calls`);
    require([ 'Oslo', 'Rome' ].includes(JSON.parse(calls[0].function.arguments).city),
            calls[0].function.arguments);
  });
}

async function json(context) {
  const body = chatBody(context, {response_format: {type: 'json_object'}});
  return expectAnswer(context, '/chat/completions', body, ({choices: [choice]}) => {
    if (choice.finish_reason !== 'length') {
      JSON.parse(choice.message.content);
    }
  });
}

async function scores(context) {
  const prompt = [makeText(context.random, 30), makeText(context.random, 60)];
  const body = {model: 'deepseek-chat', prompt, echo: true, logprobs: 2, max_tokens: 0};
  return expectAnswer(context, '/completions', body, ({choices}) => {
    require(choices.length === 2 && choices[1].logprobs.tokens.length > 30, 'no scores');
  });
}

/// Goes away within the stream.
async function vanish(context) {
  const connection = new RawConnection(context);
  const body = chatBody(context, {stream: true, max_tokens: 512});
  await connection.send(post('/chat/completions', JSON.stringify(body), context.headers));
  await connection.until(() => connection.received.length > 1000 * context.random(), 20);
  connection.destroy();
  return 'left';
}

/// Asks for more than the buffers on the way hold, and does not read it: the server cuts it off.
async function stopReading(context) {
  const connection = new RawConnection(context);
  const body = chatBody(context,
                        {stream: true, max_tokens: 1500, logprobs: true, top_logprobs: 20});
  await connection.send(post('/chat/completions', JSON.stringify(body), context.headers));
  const status = await connection.waitForStatus(kPatienceSeconds);
  if (kBusy.includes(status)) {
    connection.destroy();
    return 'refused';
  }
  require(status === 200, `status ${status}`);
  connection.socket.pause();
  await sleep(3 * context.lagSeconds);
  connection.socket.resume();
  // What was under way still comes; then the end, whether all of it was sent or it was cut off.
  const isWhole =
      await connection.until(() => connection.received.includes('data: [DONE]'), kLongPatienceSeconds);
  const isCutOff = connection.isEnded;
  connection.destroy();
  require(isWhole || isCutOff, 'neither end nor rest');
  return isWhole ? 'answered' : 'cut off';
}

const deep = '['.repeat(100000);
const malformed = [
  ['not JSON', 400, '{"model": '],
  ['no object', 400, '[1, 2]'],
  ['nothing', 400, ''],
  ['deep nesting', 400, `{"model": "deepseek-chat", "messages": ${deep}`],
  ['deep and closed', 400, `{"a": ${deep}${']'.repeat(100000)}}`],
  ['many values', 400, `{"a": [${'1,'.repeat(1100000)}1]}`],
  ['ill-formed UTF-8', 400, Buffer.from('{"model": "\xff\xfe", "messages": []}', 'latin1')],
  ['lone surrogate', 422, '{"model": "deepseek-chat", "messages": [{"role": "user", "content": "\\ud800"}]}'],
  ['no messages', 422, '{"model": "deepseek-chat"}'],
  ['wrong type', 422, '{"model": "deepseek-chat", "messages": "hello"}'],
  ['wrong role', 422, '{"model": "deepseek-chat", "messages": [{"role": "king", "content": ""}]}'],
  ['unknown model', 400, '{"model": "gpt-5", "messages": [{"role": "user", "content": "x"}]}'],
  ['huge number', 422, `{"model": "deepseek-chat", "max_tokens": ${'9'.repeat(400)}, "messages": [{"role": "user", "content": "x"}]}`],
  ['huge exponent', 422, '{"model": "deepseek-chat", "temperature": 1e999, "messages": [{"role": "user", "content": "x"}]}'],
  ['too much asked', 400, '{"model": "deepseek-chat", "max_tokens": 2000000000, "messages": [{"role": "user", "content": "x"}]}'],
];

async function malformedBody(context) {
  const [name, status, body] = malformed[context.turn % malformed.length];
  const connection = new RawConnection(context);
  await connection.send(post('/v1/chat/completions', body, context.headers));
  const got = await connection.waitForStatus(kPatienceSeconds);
  connection.destroy();
  require(got === status || kBusy.includes(got), `${name}: status ${got} instead of ${status}`);
  return 'refused';
}

const brokenRequests = [
  ['no HTTP', 400, 'hello\r\n\r\n'],
  ['TLS', 400, '\x16\x03\x01\x02\x01\xfc\x03\x03\r\n\r\n'],
  ['no host', 400, 'GET /health HTTP/1.1\r\n\r\n'],
  ['two lengths', 400, postHead('/tokenize', {'Content-Length': '2\r\nContent-Length: 3'}) + '{}'],
  ['length and chunks', 400, postHead('/tokenize', {'Content-Length': 2, 'Transfer-Encoding': 'chunked'})],
  ['long header', 431, `GET /${'x'.repeat(40000)} HTTP/1.1\r\nHost: localhost\r\n\r\n`],
  ['no path', 404, 'GET /nowhere HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['no POST there', 404, postHead('/nowhere', {'Content-Length': 2}) + '{}'],
  ['no method', 405, 'DELETE /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n'],
  ['a form', 415, postHead('/tokenize', {'Content-Type': 'text/plain', 'Content-Length': 2}) + '{}'],
  ['foreign host', 403, 'GET /v1/models HTTP/1.1\r\nHost: evil.example\r\n\r\n'],
];

async function brokenRequest(context) {
  const [name, status, text] = brokenRequests[context.turn % brokenRequests.length];
  const connection = new RawConnection(context);
  const {Authorization} = context.headers;
  const bytes = text.replace(/\r\n\r\n/, `\r\nAuthorization: ${Authorization}\r\n\r\n`);
  await connection.send(Buffer.from(bytes, 'latin1'));
  const got = await connection.waitForStatus(30);
  connection.destroy();
  require(got === status, `${name}: status ${got} instead of ${status}`);
  return 'refused';
}

/// 100 MB, with their length said before or not.
async function bigBody(context) {
  const isChunked = context.turn % 2 === 0;
  const connection = new RawConnection(context);
  const framing = isChunked ? {'Transfer-Encoding': 'chunked'} : {'Content-Length': 100 * kMib};
  const piece = Buffer.alloc(kMib, 'x');
  const chunk = isChunked ? Buffer.concat([Buffer.from('100000\r\n'), piece, Buffer.from('\r\n')])
                          : piece;
  await connection.send(postHead('/v1/chat/completions', {...framing, ...context.headers}));
  for (let i = 0; i < 100 && connection.status === 0; ++i) {
    const isSent = await connection.send(chunk);
    if (!isSent) {
      break;
    }
  }
  const status = await connection.waitForStatus(30);
  connection.destroy();
  require(status === 413 || status === 503, `100 MB: status ${status} instead of 413`);
  return 'refused';
}

/// Bytes of a head or a body that drip in.
async function slowLoris(context) {
  const dripsHead = context.turn % 2 === 0;
  const connection = new RawConnection(context);
  if (!dripsHead) {
    await connection.send(postHead('/tokenize', {'Content-Length': 10000, ...context.headers}));
  }
  for (let i = 0; i < 600 && connection.status === 0 && !connection.isEnded; ++i) {
    await connection.send(dripsHead && i === 0 ? 'GET /health HTTP/1.1\r\nX: ' : 'x');
    await sleep(0.2);
  }
  const status = await connection.waitForStatus(10);
  connection.destroy();
  require(status === 408, `a dripping ${dripsHead ? 'head' : 'body'}: status ${status}`);
  return 'refused';
}

/// Small endpoints, on one connection kept alive.
async function small(context) {
  for (const path of ['/v1/models', '/user/balance', '/health', '/ready', '/']) {
    const response = await fetch(`${context.url}${path}`, {headers: context.headers});
    await response.arrayBuffer();
    require(response.ok, `${path}: status ${response.status}`);
  }
  const {status, body} = await fetchJson(context, '/tokenize', {prompt: makeText(context.random, 50)});
  require(status === 200 && body.count > 50, `/tokenize: status ${status}`);
  return 'answered';
}

/// How many of each work at once.
export const clients = [
  {name: 'stream', count: 4, ask: stream},
  {name: 'whole answer', count: 3, ask: whole},
  {name: 'long documents', count: 3, ask: longDocument},
  {name: 'tools', count: 2, ask: tools},
  {name: 'JSON', count: 2, ask: json},
  {name: 'scores of prompts', count: 1, ask: scores},
  {name: 'gone mid-stream', count: 3, ask: vanish},
  {name: 'reads no more', count: 2, ask: stopReading},
  {name: 'malformed body', count: 1, ask: malformedBody, pause: 0.3},
  {name: 'broken HTTP', count: 1, ask: brokenRequest, pause: 0.3},
  {name: '100 MB body', count: 1, ask: bigBody, pause: 2},
  {name: 'slow loris', count: 2, ask: slowLoris},
  {name: 'small endpoints', count: 1, ask: small, pause: 0.3},
];
