// The accessibility declaration, both languages together: only its page loads it. Its parts are those of the form that the Italian
// agency for digital services (AgID) prescribes; the body that runs the service fills the form itself.
type Section = { title: string; paragraphs?: string[]; list?: string[] };
type Declaration = { lead: string; sections: Section[] };

const it: Declaration = {
  lead: 'Le parti seguono il modello di dichiarazione di AgID (legge 4/2004, direttiva UE 2016/2102). Chi gestisce il servizio pubblica la propria dichiarazione sul portale di AgID e può partire da questa.',
  sections: [
    { title: 'Stato di conformità', paragraphs: ['Parzialmente conforme alla norma UNI EN 301549:2021 (WCAG 2.1 AA), e provato anche con i criteri aggiunti da WCAG 2.2 AA, per le ragioni qui sotto.'] },
    {
      title: 'Contenuti non accessibili',
      list: [
        'La mappa è un disegno e non si percorre con la tastiera: la tabella accanto contiene le stesse zone, gli stessi valori e la stessa scelta, e si usa per intero da tastiera.',
        'I grafici delle previsioni sono disegni con una descrizione; i numeri stanno nella tabella sotto.',
        'I file CSV e ZIP non sono documenti da leggere e non sono stati valutati. La descrizione delle API è in inglese.',
        'Nessuna prova è stata fatta finora con persone che usano lettori di schermo o altri ausili.',
      ],
    },
    {
      title: 'Come è stato valutato',
      paragraphs: ['Autovalutazione, ripetuta a ogni modifica del programma:'],
      list: [
        'ogni pagina, in entrambe le lingue, con axe-core e i criteri WCAG 2.0, 2.1 e 2.2, livelli A e AA: nessuna violazione;',
        'i percorsi principali con veri clic e con la tastiera, il fuoco sul titolo a ogni cambio di pagina;',
        'a 320 pixel di larghezza (pari al 400 per cento di ingrandimento) nulla scorre di lato;',
        'contrasto di testi e comandi almeno 4,5 : 1; le differenze non stanno mai nel solo colore; le animazioni si riducono se chi legge lo chiede.',
      ],
    },
    { title: 'Segnalazioni', paragraphs: ['Scrivi al gestore del servizio che ti ha dato l’accesso: chi non riesce a usare una pagina può chiedere gli stessi numeri in un altro formato. Ogni risultato si scarica come CSV e JSON.'] },
    { title: 'Procedura di attuazione', paragraphs: ['Se la risposta non arriva entro trenta giorni o non basta, ci si può rivolgere al Difensore civico per il digitale presso AgID.'] },
    { title: 'Informazioni sul sito', list: ['Usabilità: nessun test con utenti finora.', 'Sistema: pagine proprie su Svelte e una parte di Bootstrap Italia, senza risorse di altri siti e senza tracciamento.'] },
  ],
};
const en: Declaration = {
  lead: 'The parts follow the form of AgID, the Italian agency for digital services (law 4/2004, directive EU 2016/2102). Whoever runs the service publishes their own declaration on AgID’s portal and can start from this one.',
  sections: [
    { title: 'Compliance status', paragraphs: ['Partially compliant with EN 301549:2021 (WCAG 2.1 AA), and tested against what WCAG 2.2 AA adds, for the reasons below.'] },
    {
      title: 'Content that is not accessible',
      list: [
        'The map is a drawing and is not walked by keyboard: the table beside it holds the same areas, values and choice, and works by keyboard alone.',
        'Forecast charts are drawings with a description; their numbers stand in the table below.',
        'CSV and ZIP files are not documents for reading and were not assessed. The description of the API is in English.',
        'So far nothing was tried with people who use screen readers or other aids.',
      ],
    },
    {
      title: 'How it was assessed',
      paragraphs: ['Self-assessment, repeated with each change of the program:'],
      list: [
        'each page, in both languages, with axe-core and the criteria of WCAG 2.0, 2.1 and 2.2, levels A and AA: no violation;',
        'the main paths with real clicks and by keyboard, focus on the heading after each change of page;',
        'at 320 pixels of width (400 per cent zoom) nothing scrolls sideways;',
        'contrast of text and controls at least 4.5 : 1; no difference is in colour alone; motion is reduced where the reader asks for it.',
      ],
    },
    { title: 'Feedback', paragraphs: ['Write to whoever runs the service and gave you access: whoever cannot use a page can ask for the same numbers in another form. Every result can be downloaded as CSV and JSON.'] },
    { title: 'Enforcement', paragraphs: ['Where no answer comes within thirty days, or it does not suffice, turn to the digital ombudsman (Difensore civico per il digitale) at AgID.'] },
    { title: 'About the site', list: ['Usability: no test with users so far.', 'System: own pages on Svelte and a part of Bootstrap Italia, without resources of other sites and without tracking.'] },
  ],
};
export const declaration = { it, en };
