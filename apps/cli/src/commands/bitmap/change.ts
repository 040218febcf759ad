import { buildCommand, type Command, type CommandContext } from '@stricli/core';
import type { DirtyBitmap } from '@tidemark/core';
import {
  type DriveFlags,
  driveFlags,
  drivePositional,
  namePositional,
  withExamples,
} from '../../flags.ts';
import { type OutputFlags, print } from '../../output.ts';

/** A command that changes one stored bitmap, and how it speaks of that. */
export interface BitmapEdit {
  /** What was done, as in `cleared bitmap 'a'`. */
  readonly done: string;
  readonly brief: string;
  readonly description: readonly string[];
  readonly examples: readonly string[];
  readonly enabled?: boolean;
  edit?(content: DirtyBitmap): void;
}

/** A command that loads one bitmap, changes it and stores it again, in one durable step. */
export function bitmapEditCommand(spec: BitmapEdit): Command<CommandContext> {
  const { done, enabled } = spec;
  return buildCommand<DriveFlags & OutputFlags, [drive: string, name: string]>({
    async func(flags, path, name) {
      const { withStore } = await import('../../session.ts');
      const changed = await withStore(path, flags, { access: 'bitmaps' }, async (store) => {
        const content = await store.load(name);
        spec.edit?.(content);
        // Cleared or switched, it says no longer what changed since the last backup.
        const change = { op: 'store', name, content, checkpoint: null } as const;
        await store.commit([enabled === undefined ? change : { ...change, enabled }]);
        return { name, store: store.label };
      });
      print(flags, changed, () => [`${done} bitmap '${name}' in ${changed.store}`]);
    },
    parameters: {
      flags: driveFlags,
      aliases: { f: 'format' },
      positional: { kind: 'tuple', parameters: [drivePositional, namePositional] },
    },
    docs: { brief: spec.brief, fullDescription: withExamples(spec.description, spec.examples) },
  });
}
