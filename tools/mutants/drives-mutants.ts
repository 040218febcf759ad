import type { Mutant } from './mutant.ts';

const checkpoint = (file: string) => `packages/checkpoint/src/${file}`;
const tracking = (file: string) => `packages/tracking/src/${file}`;

/** Each breaks one rule of checkpoints over several stores. */
export const CHECKPOINT_MUTANTS: readonly Mutant[] = [
  {
    name: 'the content of an intent is not durable before its name is',
    file: checkpoint('file-system.ts'),
    find: 'await file.sync();',
    replace: '',
  },
  {
    name: 'the name of an intent is not durable before the first store commits',
    file: checkpoint('file-system.ts'),
    find: 'await fs.rename(temporary, path);\n  });\n  await syncFolder(fs, dirname(path));',
    replace: 'await fs.rename(temporary, path);\n  });',
  },
  {
    name: 'stores commit while the intent is being written',
    by: 'failures',
    file: checkpoint('commit-together.ts'),
    find: 'await announce(folder, intentOf(parts, set));',
    replace: 'void announce(folder, intentOf(parts, set)).catch(() => {});',
  },
  {
    name: 'the intent goes before the last store has its part',
    file: checkpoint('commit-together.ts'),
    find: 'await commitAll(ready,',
    replace: 'await folder.remove(set);\n  await commitAll(ready,',
  },
  {
    name: 'the intent stays when nothing was changed',
    file: checkpoint('commit-together.ts'),
    find: '        await giveUp();\n',
    replace: '',
  },
  {
    name: 'a part that is found is not synced before the intent goes',
    file: checkpoint('roll-forward.ts'),
    find: 'else await store.live?.sync();',
    replace: '',
  },
  {
    name: 'what was cut off is finished by a clear',
    file: checkpoint('roll-forward.ts'),
    find: 'content.set(0, diskSize);',
    replace: '',
  },
  {
    name: 'what was made is made all ones again',
    file: checkpoint('roll-forward.ts'),
    find: "return bitmap.change === 'put' && bitmap.after === set && found?.checkpoint === set;",
    replace: "return bitmap.change === 'put' && found?.checkpoint === `${set} `;",
  },
  {
    name: 'a bitmap that has begun anew since is given the older checkpoint',
    file: checkpoint('roll-forward.ts'),
    find: "return found.state !== 'unsupported' && isOfChange(bitmap, set, found.checkpoint);",
    replace: "return found.state !== 'unsupported';",
  },
  {
    name: 'a bitmap of unknown checkpoint is left as it is',
    file: checkpoint('intent.ts'),
    find: "return bitmap.change === 'put' && bitmap.before === null;",
    replace: 'return false;',
  },
  {
    name: 'the first drive that is opened again stands for all',
    file: checkpoint('finish-checkpoints.ts'),
    find: 'if (members.every(({ done }) => done)) await',
    replace: 'if (members.some(({ done }) => done)) await',
  },
  {
    name: 'an intent that is found is followed before it is durable',
    file: checkpoint('finish-checkpoints.ts'),
    find: '    await folder.sync();\n',
    replace: '',
  },
  {
    name: 'a drive tells its checkpoint although another one lacks it',
    file: checkpoint('open-checkpointed.ts'),
    find: 'if (reason === undefined) return info;',
    replace: 'if (reason === undefined || reason.length > 0) return info;',
  },
  {
    name: 'an intent that cannot be read is taken for none',
    file: checkpoint('open-checkpointed.ts'),
    find: 'if (damaged !== undefined) return',
    replace: 'if (damaged === null) return',
  },
];

/** Each breaks how transactions on several drives keep to them. */
export const SEVERAL_DRIVES_MUTANTS: readonly Mutant[] = [
  {
    name: 'a transaction commits while its intent is being written',
    file: tracking('group-commit.ts'),
    find: 'isAnnounced = await this.#announce();',
    replace: 'void this.#announce();',
  },
  {
    name: 'the intent goes although the first store cannot take its part back',
    file: tracking('group-commit.ts'),
    find: 'if (isAnnounced && isUndone && isUnchanged(error))',
    replace: 'if (isAnnounced && isUnchanged(error))',
  },
  {
    name: 'the intent of a transaction goes before the last store has its part',
    file: tracking('group-commit.ts'),
    find: '        await step.commit();\n',
    replace: '        if (isAnnounced) await this.#retract();\n        await step.commit();\n',
  },
  {
    name: 'a bitmap has the new checkpoint, and not what is written from then on',
    file: tracking('live/tracked-bits.ts'),
    find: 'if (!this.#tracked.has(content)) this.#begin(name, content);',
    replace: '',
  },
];

/** Each lets somebody make a raw drive, whose format was guessed, an image. */
export const GUESSED_MUTANTS: readonly Mutant[] = [
  {
    name: 'the start of a guessed drive is written in its tick, unseen',
    file: 'packages/drive/src/probed-raw-device.ts',
    find: '    if (this.#isAtStart(offset)) return false;\n',
    replace: '',
  },
  {
    name: 'two halves of a signature come together',
    file: 'packages/drive/src/probed-raw-device.ts',
    find: '    await last;\n',
    replace: '',
  },
  {
    name: 'zeros complete a signature',
    file: 'packages/drive/src/probed-raw-device.ts',
    find: 'return this.#change(change, (start) => start.fill(0, offset, offset + length));',
    replace: 'return change();',
  },
];
