// Testi italiani di pagine pubbliche e pagine iniziali: ciò che serve prima che una pagina sia aperta.
export const trust = {
  'section.help': 'Guida',
  'nav.home': 'Inizio',
  'nav.protection': 'Come proteggiamo i dati',
  'nav.glossary': 'Glossario',
  'nav.api': 'API',
  'nav.accessibility': 'Accessibilità',
  'footer.links': 'Informazioni sul servizio',
  'home.title': 'Inizio',
  'protection.title': 'Come proteggiamo i dati',
  'glossary.title': 'Glossario',
  'accessibility.title': 'Dichiarazione di accessibilità',
  'api-docs.title': 'API: interfaccia per programmi',
  'problem.malformed-request': 'La richiesta non è scritta in una forma che il servizio legge.',
  'problem.too-slow': 'La richiesta non è arrivata per intero in tempo. Riprova.',
  'log.account-changed': 'Utenza modificata; le sue sessioni sono terminate',
  'log.account-closed': 'Utenza chiusa',
};
