// What the tests of all clients share: the server under test and what they ask.
export const url = process.env.LEVIN_URL;
export const model = 'deepseek-chat';

export const system =
    'She had been forced into prudence in her youth, she learned romance as she grew older. ' +
    'The code of Wentworth is 907. The natural sequel of an unnatural beginning. The city of Zoe ' +
    'is saints. With all these circumstances, recollections and feelings, she could not hear it.';
export const prompt = 'What is the city of Zoe?';
export const answer = /Zoe is saints\./;
export const messages = [{role: 'system', content: system}, {role: 'user', content: prompt}];

export const weatherParameters = {
  type: 'object',
  properties: {city: {type: 'string', enum: ['Oslo', 'Rome']}},
  required: ['city'],
  additionalProperties: false,
};
export const weather = {
  name: 'get_weather',
  description: 'The weather of a city',
  parameters: weatherParameters,
};
