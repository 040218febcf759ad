import { buildCommand } from '@stricli/core';
import { TidemarkError } from '@tidemark/core';
import { formatSize } from '@tidemark/program';
import { type DriveFlags, driveFlags, drivePositional, withExamples } from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

interface Flags extends DriveFlags, OutputFlags {
  readonly replace?: boolean;
  readonly merge?: boolean;
  readonly trust?: boolean;
  readonly force?: boolean;
}

const flag = { kind: 'boolean', optional: true, withNegated: false } as const;

export const importCommand = buildCommand<Flags, [drive: string, file: string]>({
  async func(flags, path, from) {
    const { replace = false, merge = false, trust = false, force = false } = flags;
    if (replace && merge) {
      const hint = 'leave one of them out';
      throw new TidemarkError('USAGE', '--replace and --merge exclude each other', { hint });
    }
    const { importBitmaps, readBitmapFile } = await import('@tidemark/drive');
    const { withStore } = await import('../../session.ts');
    const file = await readBitmapFile(from);
    const existing = replace ? 'replace' : merge ? 'merge' : 'refuse';
    const options = { access: 'bitmaps', create: true } as const;
    const report = await withStore(path, flags, options, (store, { drive }) =>
      importBitmaps({ drive, store, file, existing, trust, force }),
    );
    print(flags, report, () =>
      report.bitmaps.map(({ name, dirtyBytes, isUntrusted }) => {
        const what = isUntrusted ? 'all dirty, for nobody knows better' : formatSize(dirtyBytes);
        return `imported bitmap '${name}' (${what}) into '${path}'`;
      }),
    );
  },
  parameters: {
    flags: {
      ...driveFlags,
      replace: { ...flag, brief: 'put bitmaps in the place of those that have their names' },
      merge: { ...flag, brief: 'add what they call dirty to those that have their names' },
      trust: { ...flag, brief: 'vouch that nobody has written the drive since the export' },
      force: { ...flag, brief: 'import what is not known to be true as all dirty' },
    },
    aliases: { f: 'format' },
    positional: {
      kind: 'tuple',
      parameters: [
        drivePositional,
        { brief: 'what `tidemark bitmap export` made', placeholder: 'FILE', parse: String },
      ],
    },
  },
  docs: {
    brief: 'take bitmaps from a file',
    fullDescription: withExamples(
      [
        'Bitmaps of a file are true only of a drive that was not written since they were exported.',
        'Where that can be seen it is checked. Where it cannot, as with another copy of the drive or',
        'an image that was changed in any way, --trust has to vouch for it.',
      ],
      [
        'tidemark bitmap import vm.qcow2 vm.bitmaps',
        'tidemark bitmap import copy.qcow2 vm.bitmaps --trust',
      ],
    ),
  },
});
