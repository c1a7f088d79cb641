// English texts of forecast need as the demand of plans.
import type { demand as italian } from './demand.it';

export const demand: Record<keyof typeof italian, string> = {
  'demand.from': 'Where the need comes from',
  'demand.from-release': 'a result',
  'demand.from-forecast': 'a forecast',
  'demand.forecast': 'Forecast',
  'demand.period': 'Period ahead',
  'demand.none': 'No forecast by neighbourhood or municipio is ready yet.',
  'demand.make': 'Make a forecast',
  'demand.gone': 'The forecast is there no more. Choose another, or use a result.',
  'demand.plan': 'Plan with this forecast',
  'demand.plan-help': 'The need that is forecast, with its uncertainty, becomes the starting point of a scenario or a plan.',
  'demand.plan-simulate': 'Open a scenario',
  'demand.plan-optimise': 'Look for a plan',
  'demand.no-places': 'Planning needs a forecast by neighbourhood or municipio: choose another level and work it out again.',
  'demand.edit': 'Need becomes what is forecast',
  'demand.said-forecast': 'forecast need',
  'demand.said-sites': '{service}: {count} today',
  'demand.said-travel': '{mode}, {speed} km/h',
  'demand.estimated': 'Estimated need',
  'demand.look-first': 'See the margins first: then you can decide whether to ask and spend.',
  'demand.did-everywhere': 'Need as forecast, in {count} {count|area|areas}',
};
