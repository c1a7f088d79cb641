import { mount } from 'svelte';
import App from './App.svelte';
import { loadCatalogue } from './lib/i18n/catalogue';
import { language } from './lib/i18n/language.svelte';
import './styles/main.scss';

const target = document.getElementById('app');
// Nothing is shown before it can be said; where the words cannot be fetched, that is said in both languages.
if (target) {
  loadCatalogue(language.current).then(
    () => mount(App, { target }),
    () => (target.textContent = 'La pagina non si è caricata per intero: ricaricatela. / The page did not load in full: load it again.'),
  );
}
