import type { Mutant } from './mutant.ts';

const daemon = (file: string) => `apps/daemon/src/${file}`;
const change = daemon('configured/change-graph.ts');
const plan = daemon('configured/plan-changes.ts');

/** Each breaks one rule of what a configuration makes of a daemon, and of what is told of it. */
export const SERVICE_MUTANTS: readonly Mutant[] = [
  {
    name: 'what failed stays half done',
    file: daemon('configured/undo.ts'),
    by: 'test/configured.test',
    find: 'this.#steps.toReversed()',
    replace: 'this.#steps.slice(0, 0)',
  },
  {
    name: 'a bitmap stops to record before all else is done',
    file: daemon('configured/change-bitmaps.ts'),
    find: "return [undefined, stops ? { op: 'disable', ...bitmap } : undefined];",
    replace: "return [stops ? { op: 'disable', ...bitmap } : undefined, undefined];",
  },
  {
    name: 'a drive that is the same is opened again',
    file: plan,
    find: 'if (isSameNode(was, next)) return true;',
    replace: 'if (isSameNode(was, next)) return false;',
  },
  {
    name: 'a server goes before another can come',
    file: change,
    find: "if (changes.nbd === 'move' || changes.nbd === 'start') await graph.nbd.check(serving);",
    replace: '',
  },
  {
    name: 'a key that everybody may read is taken',
    file: daemon('config/check-secrets.ts'),
    find: 'const UNSAFE = 0o026;',
    replace: 'const UNSAFE = 0o022;',
  },
  {
    name: 'a drive that another daemon has is opened by a reload',
    file: daemon('configured/away-drives.ts'),
    find: "return last.status === 'completed' ?",
    replace: "return last.status === 'expecting' ?",
  },
  {
    name: 'a drive that came back is not the one of the file',
    file: daemon('configured/away-drives.ts'),
    find: "if (role !== 'target' || status !== 'completed') continue;",
    replace: 'if (role !== status) continue;',
  },
  {
    name: 'a disk that hangs is called well',
    file: daemon('systemd/drive-watch.ts'),
    find: 'seen.set(name, isSame ? before : { done, since: this.#now() });',
    replace: 'seen.set(name, { done, since: this.#now() });',
  },
  {
    name: 'a line of the log can be made two',
    file: daemon('log/logger.ts'),
    find: 'printable(`${about}${message}`)',
    replace: '`${about}${message}`',
  },
];
