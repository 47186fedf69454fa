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

test('JSON mode gives JSON', async () => {
  const result = await generateText({
    ...request,
    maxOutputTokens: 300,
    providerOptions: {deepseek: {}},
    prompt: `${prompt} Answer in JSON.`,
  });
  assert.equal(typeof result.text, 'string');
  const object = await generateObject({...request, output: 'no-schema', maxOutputTokens: 300})
                     .catch((error) => error);
  // The model may write JSON until the limit cuts it; what has ended parses.
  assert.ok(object.object !== undefined || object.finishReason === 'length', String(object));
});
