// Words on what is made to agree together: several questions, several levels.
import type { agree as italian } from './agree.it';

export const agree: Record<keyof typeof italian, string> = {
  'agree.title': 'Make it agree with other questions too',
  'agree.lead': 'These questions count the same people, split in another way: together they give the same totals, with narrower margins. Nobody is asked, nothing is spent.',
  'agree.with': 'Here values also agree with: {names}. {narrower}',
  'agree.narrower': 'Margins are {percent} % narrower on average.',
  'agree.alone': 'Show without other questions',
  'agree.forecast': 'Forecast together with all levels of the survey ({levels}): parts add up to the whole, whatever level is chosen.',
};
