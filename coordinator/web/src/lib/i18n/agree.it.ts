// Parole su ciò che è reso coerente insieme: più domande, più livelli.
export const agree = {
  'agree.title': 'Rendi coerente anche con altre domande',
  'agree.lead': 'Queste domande contano le stesse persone, divise in altro modo: insieme danno gli stessi totali, con margini più stretti. Non si chiede né si spende nulla.',
  'agree.with': 'Qui i valori concordano anche con: {names}. {narrower}',
  'agree.narrower': 'I margini sono in media più stretti del {percent} %.',
  'agree.alone': 'Mostra senza altre domande',
  'agree.forecast': 'Previsto insieme a tutti i livelli della rilevazione ({levels}): le parti danno il tutto, qualunque livello si scelga.',
  'bounds.forecast-changed': 'Da {periods} in poi i limiti di contributo tagliano in altro modo: i numeri possono stare più in alto o più in basso senza che il bisogno sia cambiato. La previsione lo prende per un gradino di altezza ignota, e conosce il livello solo da ciò che segue.',
  'bounds.forecast-engine': 'Questa previsione era stata iniziata da una versione precedente del metodo e interrotta. Avviala di nuovo: non costa nulla.',
  'bounds.compare-other': 'I due momenti sono stati chiesti con limiti di contributo diversi: un cambiamento può venire da quelli, perciò non se ne afferma nessuno.',
} as const;
