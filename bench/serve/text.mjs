// Random English-looking text for prompts.

/// A stream of numbers in [0, 1) that is the same in every run.
export function randomStream(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

const words =
    ('the of and to a in that he was it his her with as had she for you not be on at by which have ' +
     'or from this him but all they were my are so one there been their we would when me no will ' +
     'what more very if them could said an who any some do now only out much then time great into')
        .split(' ');

export function makeText(random, count) {
  return Array.from({length: count}, () => words[Math.floor(random() * words.length)]).join(' ');
}
