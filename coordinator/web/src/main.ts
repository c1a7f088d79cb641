import { mount } from 'svelte';
import App from './App.svelte';
import { loadCatalogue } from './lib/i18n/catalogue';
import { language } from './lib/i18n/language.svelte';
import './styles/main.scss';

const target = document.getElementById('app');
// Nothing is shown before it can be said.
if (target) void loadCatalogue(language.current).then(() => mount(App, { target }));
