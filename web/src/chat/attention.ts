// The two names of a model that can attend both ways: NAME reads a selection of the context,
// NAME:dense all of it.
import type { ModelInfo } from '../api/types';

const denseSuffix = ':dense';

export interface AttentionChoices {
  sparse: string;
  dense: string;
}

/** The ids to choose between if the server offers this model both ways, else null. */
export function attentionChoices(
  model: ModelInfo,
  models: readonly ModelInfo[],
): AttentionChoices | null {
  const sparse = model.id.endsWith(denseSuffix)
    ? model.id.slice(0, -denseSuffix.length)
    : model.id;
  const dense = sparse + denseSuffix;
  const offers = (id: string, attention: ModelInfo['attention']) =>
    models.some((entry) => entry.id === id && entry.attention === attention);
  return offers(sparse, 'sparse') && offers(dense, 'dense') ? { sparse, dense } : null;
}
