// Parole su ciò che è reso coerente insieme: più domande, più livelli.
export const agree = {
  'agree.title': 'Rendi coerente anche con altre domande',
  'agree.lead': 'Queste domande contano le stesse persone, divise in altro modo: insieme danno gli stessi totali, con margini più stretti. Non si chiede né si spende nulla.',
  'agree.with': 'Qui i valori concordano anche con: {names}. {narrower}',
  'agree.narrower': 'I margini sono in media più stretti del {percent} %.',
  'agree.alone': 'Mostra senza altre domande',
  'agree.forecast': 'Previsto insieme a tutti i livelli della rilevazione ({levels}): le parti danno il tutto, qualunque livello si scelga.',
} as const;
