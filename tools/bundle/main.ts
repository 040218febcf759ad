// Makes each built program one file, bundles/tidemark.cjs and bundles/tidemarkd.cjs, with the
// licences of what others wrote beside it.
import { statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { noticesOf } from './notices.ts';
import { pack } from './pack.ts';
import { PROGRAMS } from './programs.ts';

const target = fileURLToPath(new URL('../../bundles', import.meta.url));
for (const program of PROGRAMS) {
  const path = `${target}/${program.name}.cjs`;
  await pack(program, path);
  writeFileSync(`${target}/${program.name}.LICENSES.txt`, noticesOf(program.folder));
  console.log(`${path} (${Math.round(statSync(path).size / 1024)} KiB)`);
}
