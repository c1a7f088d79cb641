// English texts of files on their way.
import type { transfer as italian } from './transfer.it';

export const transfer: Record<keyof typeof italian, string> = {
  'transfer.name-up': 'Sending the file',
  'transfer.name-down': 'Receiving the file',
  'transfer.waiting-up': 'The file is about to leave …',
  'transfer.waiting-down': 'The file is being prepared …',
  'transfer.moving-up': 'Sent {done}{all}',
  'transfer.moving-down': 'Received {done}{all}',
  'transfer.checking': 'The file has arrived and is being checked …',
  'transfer.cancelled-up': 'Called off. Choose the file again to retry.',
  'transfer.cancelled-down': 'Called off: no file was saved.',
};
