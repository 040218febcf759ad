import { buildCommand, type Command, type CommandContext } from '@stricli/core';
import type { BitmapChange } from '@tidemark/core';
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
  change(name: string): BitmapChange;
}

/** A command that changes one bitmap in one durable step, without a look at its bits. */
export function bitmapEditCommand(spec: BitmapEdit): Command<CommandContext> {
  const { done } = spec;
  return buildCommand<DriveFlags & OutputFlags, [drive: string, name: string]>({
    async func(flags, path, name) {
      const { withStore } = await import('../../session.ts');
      const changed = await withStore(path, flags, { access: 'bitmaps' }, async (store) => {
        await store.commit([spec.change(name)]);
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
