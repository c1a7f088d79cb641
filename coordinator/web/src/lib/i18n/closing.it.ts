// Italian texts of taking the answers there are, before all nodes have given theirs.
export const closing = {
  'closing.open': 'Componi le risposte arrivate',
  'closing.help': 'Non devi aspettare tutti: il risultato dirà quali organizzazioni mancano.',
  'closing.none-yet': 'Ancora nessuna risposta. Ciò che un nodo ha già addebitato non torna indietro: per questo una domanda inviata non si annulla, si chiude quando c’è almeno una risposta o scade da sola.',
  'closing.title': 'Chiudere la domanda adesso?',
  'closing.text': '{answered|Ha|Hanno} risposto {answered} {answered|organizzazione|organizzazioni} su {total}. Le altre non saranno nel risultato, e le loro risposte non verranno più accettate.',
  'closing.yes': 'Chiudi e componi',
  'closing.busy': 'Composizione in corso…',
};
