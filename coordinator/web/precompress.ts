// Writes Brotli and gzip forms of the built text files beside them, at the highest level: they are compressed once here and never
// while they are served. A form that is not smaller is not kept.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import type { Plugin } from 'vite';

const TEXT = /\.(?:html|js|css|svg|json|txt|webmanifest)$/;

function* files(folder: string): Generator<string> {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (statSync(path).isDirectory()) yield* files(path);
    else yield path;
  }
}

export function precompress(): Plugin {
  let folder = '';
  return {
    name: 'precompress',
    apply: 'build',
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle() {
      for (const path of files(folder)) {
        if (!TEXT.test(path)) continue;
        const plain = readFileSync(path);
        const forms = {
          br: brotliCompressSync(plain, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: plain.length } }),
          gz: gzipSync(plain, { level: 9 }),
        };
        if (forms.br.length >= plain.length || forms.gz.length >= plain.length) continue;
        for (const [suffix, bytes] of Object.entries(forms)) writeFileSync(`${path}.${suffix}`, bytes);
      }
    },
  };
}
