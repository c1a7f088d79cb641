// Tests speak both languages from the beginning.
import { loadCatalogue } from './catalogue';

await Promise.all([loadCatalogue('it'), loadCatalogue('en')]);
