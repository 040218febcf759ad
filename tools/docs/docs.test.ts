import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeWithQemu, tempDir } from '../qemu.ts';
import { blocksOf } from './blocks.ts';
import { docPages } from './pages.ts';
import { runPage } from './run-page.ts';
import { NOT_RUN, stepsOf } from './steps.ts';

const pages = docPages().map((page) => ({ ...page, steps: stepsOf(page.text) }));
const run = pages.filter(({ steps }) => steps.length > 0);

describeWithQemu(
  'what a page shows',
  ['qemu-io', 'qemu-storage-daemon', 'nbdinfo', 'mkfs.ext4'],
  () => {
    const folder = tempDir();

    it('is there', () => expect(run.map(({ path }) => path)).toContain('docs/tutorial.md'));

    // Written anew by `pnpm docs:run PAGE`.
    it.each(run.map((page, index) => ({ ...page, index })))(
      'is what its commands print: $path',
      async ({ steps, index }) => {
        for (const { step, printed, code, isTrue } of await runPage(
          steps,
          join(folder, String(index)),
        )) {
          const shown = step.output?.map((line) => `${line}\n`).join('');
          expect(
            isTrue ? shown : `${printed}(exit code ${code})`,
            `line ${step.start}: $ ${step.command}`,
          ).toBe(shown);
        }
      },
    );
  },
);

describe('commands in pages', () => {
  it('are run, but for these', () => {
    const left = pages.flatMap(({ path, text }) =>
      blocksOf(text)
        .filter(({ lang }) => lang === 'sh')
        .map(({ lines }) => NOT_RUN.exec(lines[0] ?? '')?.[1])
        .filter((reason) => reason !== undefined)
        .map((reason) => `${path}: ${reason}`),
    );
    expect(left).toMatchInlineSnapshot(`
      [
        "README.md: it sets a workspace up",
        "apps/daemon/README.md: goes on until it is ended",
        "docs/configuration.md: its drives are an example",
        "docs/how-to/libvirt-and-qemu.md: needs qemu-system-x86_64 and a guest. The test gives the line to qemu-storage-daemon",
        "docs/how-to/nightly-backup.md: needs systemd",
        "docs/how-to/restore-one-file.md: needs FUSE, and mounts as root",
        "docs/how-to/restore-one-file.md: needs the kernel's nbd module, and root",
        "docs/performance.md: takes minutes, and the machine for itself",
        "docs/running-as-a-service.md: goes on until it is ended",
        "docs/running-as-a-service.md: needs systemd",
        "packages/object-store-s3/README.md: needs a bucket",
      ]
    `);
  });
});
