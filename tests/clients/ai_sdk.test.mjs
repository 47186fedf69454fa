// The client `@ai-sdk/deepseek`.
import assert from 'node:assert/strict';
import {createDeepSeek} from '@ai-sdk/deepseek';
import {generateObject, generateText, jsonSchema, streamText, tool} from 'ai';
import {test} from 'node:test';

import {answer, prompt, system, url, weatherParameters} from './setup.mjs';

const deepseek = createDeepSeek({baseURL: `${url}/beta`, apiKey: 'none'});
const request = {
  model: deepseek('deepseek-chat'),
  system,
  prompt,
  temperature: 0,
  maxOutputTokens: 40,
  maxRetries: 0,
};
const tools = {
  get_weather: tool({
    description: 'The weather of a city',
    inputSchema: jsonSchema(weatherParameters),
    strict: true,
  }),
};

test('text comes with its usage', async () => {
  const {text, usage, finishReason} = await generateText(request);
  assert.match(text, answer);
  assert.equal(finishReason, 'stop');
  assert.equal(usage.totalTokens, usage.inputTokens + usage.outputTokens);
});

test('a repeated prompt is told as cached', async () => {
  await generateText(request);
  const {usage} = await generateText(request);
  assert.ok(usage.inputTokenDetails.cacheReadTokens >= 64);
});

test('a stream brings the same text and usage', async () => {
  const {textStream, usage} = streamText(request);
  let text = '';
  for await (const piece of textStream) {
    text += piece;
  }
  assert.match(text, answer);
  assert.ok((await usage).outputTokens > 0);
});

test('thinking comes apart', async () => {
  const {reasoningText} = await generateText(
      {...request, model: deepseek('deepseek-reasoner'), maxOutputTokens: 12, seed: 1});
  assert.ok(reasoningText.length > 0);
});

test('a required tool is called, also in a stream', async () => {
  const wanted = {...request, tools, toolChoice: 'required', maxOutputTokens: 200};
  const {toolCalls} = await generateText(wanted);
  assert.equal(toolCalls[0].toolName, 'get_weather');
  assert.ok(weatherParameters.properties.city.enum.includes(toolCalls[0].input.city));
  const streamed = await streamText(wanted).toolCalls;
  assert.equal(streamed[0].toolName, 'get_weather');
});

test('JSON mode gives JSON, as far as it comes', async () => {
  const result = await generateObject({...request, output: 'no-schema', maxOutputTokens: 300})
                     .catch((error) => error);
  if (result.object === undefined) {
    assert.equal(result.finishReason, 'length', String(result));
    assert.match(result.text, /^\s*\{/);
  }
});

test('an answer that has ended is the object of its schema', async () => {
  // The client asks for JSON of any form, which the model need not end. On the way to the server it
  // becomes the schema, whose answers do end.
  const filling = createDeepSeek({
    baseURL: `${url}/beta`,
    apiKey: 'none',
    fetch: (target, init) => {
      const body = JSON.parse(init.body);
      assert.deepEqual(body.response_format, {type: 'json_object'});
      body.response_format =
          {type: 'json_schema', json_schema: {name: 'weather', schema: weatherParameters}};
      return fetch(target, {...init, body: JSON.stringify(body)});
    },
  });
  const {object, finishReason} = await generateObject({
    ...request,
    model: filling('deepseek-chat'),
    schema: jsonSchema(weatherParameters),
    maxOutputTokens: 100,
  });
  assert.equal(finishReason, 'stop');
  assert.deepEqual(Object.keys(object), ['city']);
  assert.ok(weatherParameters.properties.city.enum.includes(object.city));
});
