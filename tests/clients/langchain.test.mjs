// The client `@langchain/deepseek`.
import assert from 'node:assert/strict';
import {HumanMessage, SystemMessage, ToolMessage} from '@langchain/core/messages';
import {ChatDeepSeek} from '@langchain/deepseek';
import {test} from 'node:test';

import {answer, prompt, system, url, weather} from './setup.mjs';

const options = {
  model: 'deepseek-chat',
  apiKey: 'none',
  temperature: 0,
  maxTokens: 40,
  maxRetries: 0,
  configuration: {baseURL: `${url}/v1`},
};
const messages = [new SystemMessage(system), new HumanMessage(prompt)];

test('invoke gives the answer and the usage', async () => {
  const message = await new ChatDeepSeek(options).invoke(messages);
  assert.match(message.content, answer);
  const usage = message.usage_metadata;
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
});

test('a stream brings the same text', async () => {
  let text = '';
  for await (const chunk of await new ChatDeepSeek(options).stream(messages)) {
    text += chunk.content;
  }
  assert.match(text, answer);
});

test('a stream ends with the usage', async () => {
  let whole;
  for await (const chunk of await new ChatDeepSeek(options).stream(messages)) {
    whole = whole === undefined ? chunk : whole.concat(chunk);
  }
  const usage = whole.usage_metadata;
  assert.ok(usage.output_tokens > 0);
  assert.equal(usage.total_tokens, usage.input_tokens + usage.output_tokens);
});

test('a tool is called in a stream', async () => {
  const bound = new ChatDeepSeek({...options, maxTokens: 80})
                    .bindTools([{type: 'function', function: {...weather, strict: true}}],
                               {tool_choice: {type: 'function', function: {name: weather.name}}});
  let whole;
  for await (const chunk of await bound.stream(messages)) {
    whole = whole === undefined ? chunk : whole.concat(chunk);
  }
  assert.equal(whole.tool_calls.length, 1);
  assert.equal(whole.tool_calls[0].name, weather.name);
  assert.ok(weather.parameters.properties.city.enum.includes(whole.tool_calls[0].args.city));
});

test('thinking comes apart', async () => {
  const reasoner = new ChatDeepSeek({...options, model: 'deepseek-reasoner', maxTokens: 12});
  const message = await reasoner.invoke(messages);
  assert.ok(message.additional_kwargs.reasoning_content.length > 0);
});

test('a tool is called and its result goes back', async () => {
  const bound = new ChatDeepSeek({...options, maxTokens: 80})
                    .bindTools([{type: 'function', function: {...weather, strict: true}}],
                               {tool_choice: 'required'});
  const call = await bound.invoke(messages);
  assert.equal(call.tool_calls[0].name, 'get_weather');
  const result = new ToolMessage({content: '4 degrees', tool_call_id: call.tool_calls[0].id});
  call.tool_calls.length = 1;
  const next = await new ChatDeepSeek({...options, maxTokens: 5}).invoke([...messages, call, result]);
  assert.equal(typeof next.content, 'string');
});

test('JSON mode gives JSON, as far as it comes', async () => {
  const json = new ChatDeepSeek({...options, maxTokens: 300})
                   .withConfig({response_format: {type: 'json_object'}});
  const message = await json.invoke(messages);
  if (message.response_metadata.finish_reason === 'stop') {
    assert.equal(typeof JSON.parse(message.content), 'object');
  } else {
    assert.equal(message.response_metadata.finish_reason, 'length');
    assert.match(message.content, /^\s*\{/);
  }
});

test('an answer held to a schema has ended and fits it', async () => {
  const held = new ChatDeepSeek({...options, maxTokens: 100}).withConfig({
    response_format:
        {type: 'json_schema', json_schema: {name: weather.name, schema: weather.parameters}},
  });
  const message = await held.invoke(messages);
  assert.equal(message.response_metadata.finish_reason, 'stop');
  const object = JSON.parse(message.content);
  assert.deepEqual(Object.keys(object), ['city']);
  assert.ok(weather.parameters.properties.city.enum.includes(object.city));
});
