// Words on what is made to agree together: several questions, several levels.
import type { agree as italian } from './agree.it';

export const agree: Record<keyof typeof italian, string> = {
  'agree.title': 'Make it agree with other questions too',
  'agree.lead': 'These questions count the same people, split in another way: together they give the same totals, with narrower margins. Nobody is asked, nothing is spent.',
  'agree.with': 'Here values also agree with: {names}. {narrower}',
  'agree.narrower': 'Margins are {percent} % narrower on average.',
  'agree.alone': 'Show without other questions',
  'agree.forecast': 'Forecast together with all levels of the survey ({levels}): parts add up to the whole, whatever level is chosen.',
  'bounds.forecast-changed': 'From {periods} on, contribution bounds cut otherwise than before, so that numbers may lie higher or lower without any change in need. The forecast takes that for a step of unknown size, and knows the level only from what follows.',
  'bounds.forecast-engine': 'This forecast was begun by an earlier version of the method and interrupted. Begin it again: it costs nothing.',
  'bounds.compare-other': 'The two times were asked with other contribution bounds: a change may be theirs, so none is claimed.',
};
