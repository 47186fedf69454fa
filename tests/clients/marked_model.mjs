// A model whose tokenizer has the markup of thinking and tools.
import {mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';

const markup = [
  '<think>', '</think>', '<｜tool▁calls▁begin｜>', '<｜tool▁calls▁end｜>', '<｜tool▁call▁begin｜>',
  '<｜tool▁call▁end｜>', '<｜tool▁output▁begin｜>', '<｜tool▁output▁end｜>', '<｜tool▁sep｜>',
];

/// `folder` itself if its tokenizer has the markup; else a folder at `target` with the same weights
/// and a tokenizer in which the markup has the ids of the last words. What that model writes in
/// these modes makes no sense; the tests look at the form alone.
export function markedModel(folder, target) {
  const tokenizer = JSON.parse(readFileSync(join(folder, 'tokenizer.json'), 'utf8'));
  if (tokenizer.added_tokens.some(({content}) => content === '</think>')) {
    return folder;
  }
  const words = Object.entries(tokenizer.model.vocab).sort((a, b) => a[1] - b[1]);
  for (const content of markup) {
    const [, id] = words.pop();
    tokenizer.model.merges.pop();
    tokenizer.added_tokens.push({
      id, content, single_word: false, lstrip: false, rstrip: false, normalized: true,
      special: false,
    });
  }
  tokenizer.model.vocab = Object.fromEntries(words);
  rmSync(target, {recursive: true, force: true});
  mkdirSync(target, {recursive: true});
  for (const name of ['config.json', 'model.safetensors']) {
    symlinkSync(join(folder, name), join(target, name));
  }
  writeFileSync(join(target, 'tokenizer.json'), JSON.stringify(tokenizer));
  writeFileSync(join(target, 'tokenizer_config.json'),
                JSON.stringify({chat_template: 'that of V3.1'}));
  return target;
}
