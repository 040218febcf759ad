import { readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import openWabt from 'wabt';

const PACKAGES = join(import.meta.dirname, '../../packages');

interface KernelSource {
  readonly path: string;
  /** The TypeScript module that holds it. */
  readonly generated: string;
}

const source = (folder: string, name: string, generated: string): KernelSource => {
  return { path: join(PACKAGES, folder, name), generated: join(PACKAGES, folder, generated) };
};

export const KERNELS: readonly KernelSource[] = [
  source('core/src/bitmap/kernels', 'kernels.wat', 'module.generated.ts'),
  source('qcow2/src/bitmaps', 'or.wat', 'or.generated.ts'),
];

/** The TypeScript module that holds kernels as base64. */
export async function assembleKernels({ path }: KernelSource): Promise<string> {
  const wabt = await openWabt();
  const name = basename(path);
  const parsed = wabt.parseWat(name, readFileSync(path, 'utf8'), { simd: true });
  parsed.validate();
  const { buffer } = parsed.toBinary({});
  parsed.destroy();
  return [
    `// Of ${name}, by \`pnpm kernels\`.`,
    `export const MODULE: string = '${Buffer.from(buffer).toString('base64')}';`,
    '',
  ].join('\n');
}
