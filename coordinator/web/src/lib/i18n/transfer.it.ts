// Testi dei file in viaggio.
export const transfer = {
  'transfer.name-up': 'Invio del file',
  'transfer.name-down': 'Arrivo del file',
  'transfer.waiting-up': 'Il file sta partendo …',
  'transfer.waiting-down': 'Il file viene preparato …',
  'transfer.moving-up': 'Inviati {done}{all}',
  'transfer.moving-down': 'Ricevuti {done}{all}',
  'transfer.checking': 'Il file è arrivato e viene controllato …',
  'transfer.cancelled-up': 'Invio annullato. Scegli di nuovo il file per riprovare.',
  'transfer.cancelled-down': 'Annullato: nessun file è stato salvato.',
};
