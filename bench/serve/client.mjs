// A client of good will, for the tools that measure, and what they make of their numbers.

export class Client {
  constructor({url, key}) {
    this.url = url;
    this.headers = {
      'Content-Type': 'application/json',
      ...(key === '' ? {} : {Authorization: `Bearer ${key}`}),
    };
  }

  send(path, body) {
    return fetch(`${this.url}${path}`,
                 {method: 'POST', headers: this.headers, body: JSON.stringify(body)});
  }

  /// Throws unless the server has answered well.
  async post(path, body) {
    const response = await this.send(path, body);
    if (!response.ok) {
      throw new Error(`${path}: status ${response.status}: ${await response.text()}`);
    }
    return response;
  }

  /// Words of a prompt of about so many tokens; `sample` is such a text of `sampleWords` words.
  async wordsFor(tokens, sample, sampleWords) {
    const {count} = await (await this.post('/tokenize', {prompt: sample})).json();
    return Math.max(1, Math.round((tokens * sampleWords) / count));
  }
}

/// The events of a streamed answer, as they come.
export async function* readEvents(response) {
  let rest = '';
  for await (const piece of response.body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + piece).split('\n');
    rest = lines.pop();
    for (const line of lines.filter((text) => text.startsWith('data: {'))) {
      yield JSON.parse(line.slice('data: '.length));
    }
  }
}

export function percentile(numbers, share) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? NaN;
}
