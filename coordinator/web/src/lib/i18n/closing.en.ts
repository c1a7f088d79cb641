// English texts of taking the answers there are, before all nodes have given theirs.
import type { closing as italian } from './closing.it';

export const closing: Record<keyof typeof italian, string> = {
  'closing.open': 'Release what is there',
  'closing.help': 'You need not wait for everybody: the result will name the organisations that are missing.',
  'closing.none-yet': 'No answer yet. What a node has charged does not come back: so a question once sent is not called off, it is closed when at least one answer is there, or expires by itself.',
  'closing.title': 'Close the question now?',
  'closing.text': '{answered} of {total} organisations {answered|has|have} answered. The others will not be in the result, and their answers will no longer be accepted.',
  'closing.yes': 'Close and compose',
  'closing.busy': 'Composing…',
};
