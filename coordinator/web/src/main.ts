import { mount } from 'svelte';
import App from './App.svelte';
import { loadCatalogue } from './lib/i18n/catalogue';
import { language } from './lib/i18n/language.svelte';
import { navigation } from './lib/navigation.svelte';
import { session } from './lib/session.svelte';
import { pageOf } from './pages/table';
import './styles/main.scss';

// Words, reader and page are fetched together; of the page nothing where nobody is expected to be signed in.
void session.load();
if (session.expected) pageOf(navigation.route.page).load().catch(() => {});

const target = document.getElementById('app');
// Nothing is shown before it can be said; where the words cannot be fetched, that is said in both languages.
if (target) {
  loadCatalogue(language.current).then(
    () => mount(App, { target }),
    () => (target.textContent = 'La pagina non si è caricata per intero: ricaricatela. / The page did not load in full: load it again.'),
  );
}
