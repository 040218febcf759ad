import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import openWabt from 'wabt';

const FOLDER = join(import.meta.dirname, '../../packages/core/src/bitmap/kernels');
const SOURCE = 'kernels.wat';
export const GENERATED: string = join(FOLDER, 'module.generated.ts');

/** The TypeScript module that holds the bitmap kernels as base64. */
export async function assembleKernels(): Promise<string> {
  const wabt = await openWabt();
  const text = readFileSync(join(FOLDER, SOURCE), 'utf8');
  const parsed = wabt.parseWat(SOURCE, text, { simd: true });
  parsed.validate();
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return [
    `// Of ${SOURCE}, by \`pnpm kernels\`.`,
    `export const MODULE: string = '${Buffer.from(buffer).toString('base64')}';`,
    '',
  ].join('\n');
}
