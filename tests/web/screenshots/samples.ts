// Texts for the pictures.
export const earlier: [string, string][] = [
  ['Name three novels that begin with the weather', 'A few come to mind.'],
  ['Translate “per aspera ad astra”', 'Through hardship to the stars.'],
  ['Why is the sky blue?', 'Because air scatters short waves more than long ones.'],
];

export const reasoning = 'The user wants the idea and some code. Start with the indexer, then top-k.';

export const code = `Each layer carries a small **indexer** beside its attention. It scores every earlier token cheaply, and attention then reads only the best of them:

1. score all keys with a few narrow heads,
2. keep the \`index_topk\` best,
3. gather those rows and attend to them alone.

\`\`\`cpp
/// The positions that a query reads: the best scores, ties to the lower position.
std::vector<int32_t> select_tokens(std::span<const float> scores, size_t topk) {
  std::vector<int32_t> order(scores.size());
  std::iota(order.begin(), order.end(), 0);
  const size_t kept = std::min(topk, order.size());
  std::partial_sort(order.begin(), order.begin() + kept, order.end(),
                    [&](int32_t a, int32_t b) {
                      return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
                    });
  order.resize(kept);
  return order;  // sorted by score
}
\`\`\`

What that means for the work of one new token:

| context | dense reads | sparse reads | share |
|---:|---:|---:|---:|
| 8,192 | 8,192 | 2,048 | 25 % |
| 32,768 | 32,768 | 2,048 | 6.3 % |
| 131,072 | 131,072 | 2,048 | 1.6 % |

> The scores still touch every key, but at a fraction of the width.
`;

/** As a model streams: a few characters at a time. */
export function pieces(text: string): string[] {
  return text.match(/[\s\S]{1,24}/g) ?? [];
}

export const usage = {
  prompt_tokens: 98342,
  prompt_cache_hit_tokens: 98304,
  prompt_cache_miss_tokens: 38,
  completion_tokens: 412,
  total_tokens: 98754,
  completion_tokens_details: { reasoning_tokens: 21 },
};

export const levin = {
  time_to_first_token_ms: 640,
  decode_tokens_per_s: 41.7,
  context_share_read: 0.0208,
  cost_usd: 0.0029362,
  cost_without_cache_usd: 0.0277088,
};

export const document = 'Well, Prince, so Genoa and Lucca are now just family estates of the Buonapartes. '.repeat(6300);
