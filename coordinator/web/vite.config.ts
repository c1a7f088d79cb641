import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vitest/config';
import { precompress } from './precompress.ts';

// Nothing is inlined as data: fonts and scripts come from the origin only, as the content security policy demands.
export default defineConfig({
  plugins: [svelte(), precompress()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: true,
    // What several pages of maps or plans share comes in one file each, instead of a dozen small ones.
    rolldownOptions: {
      output: {
        codeSplitting: {
          includeDependenciesRecursively: false,
          groups: [
            { name: 'planning', test: /components\/planning\/|lib\/(planning|planMap|basis\.svelte|api\/planning)\.ts/, minShareCount: 2 },
            { name: 'maps', test: /components\/(CityMap|AreaMap|ExportMenu|MapLegend|ColourLegend|Pager)\.svelte|lib\/(paint|palette|scale|view|facts|export|geometry|comparison|consistent|intervals|paging|statistics|offers|gap)\.ts|node_modules\/d3-/, minShareCount: 2 },
          ],
        },
      },
    },
  },
  css: {
    preprocessorOptions: {
      scss: {
        // Bootstrap Italia 2 is written for the older Sass module system.
        quietDeps: true,
        silenceDeprecations: ['import', 'global-builtin', 'color-functions', 'if-function'],
      },
    },
  },
  server: { proxy: { '/api': 'http://127.0.0.1:8420' } },
  test: { include: ['src/**/*.test.ts'], environment: 'node', setupFiles: ['src/lib/i18n/tested.ts'] },
});
