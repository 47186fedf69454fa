// The switch between sparse and dense attention: by the names of the models.
import { describe, expect, test } from 'vitest';
import type { ModelInfo } from '../../../web/src/api/types';
import { attentionChoices } from '../../../web/src/chat/attention';

function info(id: string, attention: ModelInfo['attention']): ModelInfo {
  return { id, contextTokens: null, attention, canThink: null };
}

const mini = info('mini', 'sparse');
const chat = info('deepseek-chat', 'sparse');
const denseMini = info('mini:dense', 'dense');
const denseChat = info('deepseek-chat:dense', 'dense');
const all = [mini, chat, denseMini, denseChat];

describe('attentionChoices', () => {
  test('are the two names of the same model, whichever of them is chosen', () => {
    const ofChat = { sparse: 'deepseek-chat', dense: 'deepseek-chat:dense' };
    expect(attentionChoices(chat, all)).toEqual(ofChat);
    expect(attentionChoices(denseChat, all)).toEqual(ofChat);
    expect(attentionChoices(mini, all)).toEqual({ sparse: 'mini', dense: 'mini:dense' });
  });

  test('are not there where the server offers only one of them', () => {
    expect(attentionChoices(mini, [mini, denseChat])).toBeNull();
    expect(attentionChoices(denseMini, [denseMini])).toBeNull();
    expect(attentionChoices(info('mini', 'dense'), [info('mini', 'dense')])).toBeNull();
    expect(attentionChoices(info('mini', null), [info('mini', null)])).toBeNull();
  });
});
