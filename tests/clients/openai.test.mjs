// The client `openai`, as programs written for OpenAI's or DeepSeek's API use it.
import assert from 'node:assert/strict';
import {test} from 'node:test';
import OpenAI, {BadRequestError, UnprocessableEntityError} from 'openai';

import {answer, messages, model, url, weather, weatherParameters} from './setup.mjs';

const client = new OpenAI({baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0});
const request = {model, messages, temperature: 0, max_tokens: 40};

test('chat gives the answer and the usage', async () => {
  const completion = await client.chat.completions.create(request);
  assert.match(completion.choices[0].message.content, answer);
  assert.equal(completion.choices[0].finish_reason, 'stop');
  const {usage} = completion;
  assert.equal(usage.total_tokens, usage.prompt_tokens + usage.completion_tokens);
  assert.equal(usage.prompt_tokens, usage.prompt_cache_hit_tokens + usage.prompt_cache_miss_tokens);
  assert.equal(usage.cost_usd, completion.levin.cost_usd);
});

test('a stream gives the same text and a last chunk with the usage', async () => {
  const whole = await client.chat.completions.create(request);
  const stream = await client.chat.completions.create(
      {...request, stream: true, stream_options: {include_usage: true}});
  let text = '';
  let usage = null;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta?.content ?? '';
    usage = chunk.usage ?? usage;
  }
  assert.equal(text, whole.choices[0].message.content);
  assert.equal(usage.completion_tokens, whole.usage.completion_tokens);
});

test('an aborted stream ends without a fuss', async () => {
  const stream = await client.chat.completions.create(
      {...request, max_tokens: 400, temperature: 2, stream: true});
  for await (const chunk of stream) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    break;
  }
  stream.controller.abort();
  assert.match((await client.chat.completions.create(request)).choices[0].message.content, answer);
});

test('logprobs come token by token', async () => {
  const {choices} = await client.chat.completions.create(
      {...request, logprobs: true, top_logprobs: 3});
  const tokens = choices[0].logprobs.content;
  assert.equal(tokens.map(({token}) => token).join(''), choices[0].message.content);
  assert.equal(tokens[0].top_logprobs.length, 3);
});

test('a required tool is called, also in a stream', async () => {
  const wanted = {
    ...request,
    max_tokens: 80,
    tools: [{type: 'function', function: {...weather, strict: true}}],
    tool_choice: 'required',
  };
  const {choices} = await client.chat.completions.create(wanted);
  assert.equal(choices[0].message.tool_calls[0].function.name, 'get_weather');
  const city = JSON.parse(choices[0].message.tool_calls[0].function.arguments).city;
  assert.ok(weatherParameters.properties.city.enum.includes(city));

  // A function that is named is called once, so that the answer ends before the limit.
  const runner = client.chat.completions.stream(
      {...wanted, tool_choice: {type: 'function', function: {name: 'get_weather'}}});
  const message = await runner.finalMessage();
  assert.equal(message.tool_calls[0].function.name, 'get_weather');
});

test('a schema is kept', async () => {
  const {choices} = await client.chat.completions.create({
    ...request,
    max_tokens: 80,
    response_format: {
      type: 'json_schema',
      json_schema: {name: 'weather', strict: true, schema: weatherParameters},
    },
  });
  assert.ok(weatherParameters.properties.city.enum.includes(
      JSON.parse(choices[0].message.content).city));
});

test('errors have status, code and the field', async () => {
  await assert.rejects(client.chat.completions.create({...request, model: 'gpt-5'}),
                       (error) => error instanceof BadRequestError &&
                           error.code === 'model_not_found');
  await assert.rejects(client.chat.completions.create({...request, temperature: 9}),
                       (error) => error instanceof UnprocessableEntityError &&
                           error.param === 'temperature');
});

test('an answer goes on from its beginning', async () => {
  const beta = new OpenAI({baseURL: `${url}/beta`, apiKey: 'none', maxRetries: 0});
  const {choices} = await beta.chat.completions.create({
    ...request,
    messages: [...messages, {role: 'assistant', content: 'The city of', prefix: true}],
  });
  assert.match(`The city of${choices[0].message.content}`, answer);
});

test('a gap is filled', async () => {
  const completion = await client.completions.create(
      {model, prompt: 'She had been forced', suffix: ' in her youth.', max_tokens: 8, temperature: 0});
  assert.equal(completion.choices[0].finish_reason === 'length' ||
                   completion.choices[0].finish_reason === 'stop', true);
  assert.ok(completion.usage.completion_tokens > 0);
});

test('models are listed, text is completed', async () => {
  const names = (await client.models.list()).data.map(({id}) => id);
  assert.ok(names.includes('deepseek-chat') && names.includes('deepseek-chat:dense'));
  const completion = await client.completions.create(
      {model, prompt: 'She had been', max_tokens: 4, temperature: 0, echo: true, logprobs: 1});
  assert.ok(completion.choices[0].text.startsWith('She had been'));
  assert.equal(completion.choices[0].logprobs.token_logprobs[0], null);
});
