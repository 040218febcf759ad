import { TidemarkError } from '@tidemark/core';
import * as v from 'valibot';
import { QmpError } from './errors.ts';
import { BlockdevBackup, DriveBackup } from './jobs/backup-schema.ts';
import { choice, members, stringOr, uint32 } from './schema.ts';
import type { QmpAction, QmpTarget } from './target.ts';

const NamedBitmap = members({ node: v.string(), name: v.string() });

const NewBitmap = members({
  node: v.string(),
  name: v.string(),
  granularity: v.exactOptional(uint32),
  persistent: v.exactOptional(v.boolean(), false),
  disabled: v.exactOptional(v.boolean(), false),
});

const Merge = members({
  node: v.string(),
  target: v.string(),
  bitmaps: v.array(stringOr('BlockDirtyBitmapOrStr', NamedBitmap)),
});

/** What checked arguments mean on a target: an action, or one that fails where its node is missing. */
type ActionOn = (target: QmpTarget) => QmpAction;

/** The bitmap commands: each is an action of a transaction too, with the same arguments. */
export const bitmapActions: Readonly<Record<string, v.GenericSchema<unknown, ActionOn>>> = {
  'block-dirty-bitmap-add': v.pipe(
    NewBitmap,
    v.transform((data) => (target: QmpTarget): QmpAction => {
      if (target.nodes().has(data.node)) return { op: 'add', ...data };
      return abort(`Cannot find device='${data.node}' nor node-name='${data.node}'`);
    }),
  ),
  'block-dirty-bitmap-remove': named('remove'),
  'block-dirty-bitmap-clear': named('clear'),
  'block-dirty-bitmap-enable': named('enable'),
  'block-dirty-bitmap-disable': named('disable'),
  'block-dirty-bitmap-merge': v.pipe(
    Merge,
    v.transform(({ node, target: into, bitmaps }) => (target: QmpTarget): QmpAction => {
      const nodes = bitmaps.map((from) => (typeof from === 'string' ? node : from.node));
      const missing = [node, ...nodes].find((name) => !target.nodes().has(name));
      if (missing !== undefined) return nodeNotFound(missing);
      return { op: 'merge', node, target: into, sources: bitmaps };
    }),
  ),
};

const Abort: v.GenericSchema<unknown, ActionOn> = v.pipe(
  members({}),
  v.transform(() => () => abort('Transaction aborted using Abort action')),
);

/** Jobs that begin together with changes of bitmaps. */
const backups: Readonly<Record<string, v.GenericSchema<unknown, ActionOn>>> = {
  'blockdev-backup': v.pipe(
    BlockdevBackup,
    v.transform((options) => (): QmpAction => ({ op: 'backup', options })),
  ),
  'drive-backup': v.pipe(
    DriveBackup,
    v.transform((options) => (): QmpAction => ({ op: 'drive-backup', options })),
  ),
};

const TransactionAction = v.variant(
  'type',
  Object.entries({ abort: Abort, ...bitmapActions, ...backups }).map(([name, data]) =>
    v.strictObject({ type: v.literal(name), data }),
  ),
);

const CompletionMode = choice(['individual', 'grouped']);

export const TransactionArguments = members({
  actions: v.array(TransactionAction),
  properties: v.exactOptional(members({ 'completion-mode': v.exactOptional(CompletionMode) })),
});

/** The actions of a transaction, those that must fail included, each at its place. */
export function transactionActions(
  target: QmpTarget,
  args: v.InferOutput<typeof TransactionArguments>,
): readonly QmpAction[] {
  const grouped = isGrouped(args);
  return args.actions.map(({ type, data }) => {
    if (!grouped || type === 'abort' || Object.hasOwn(backups, type)) return data(target);
    const property = 'Transaction property completion-mode = grouped';
    return abort(`Action '${type}' does not support ${property}`);
  });
}

/** Whether all jobs of a transaction succeed or none does. */
export function isGrouped(args: v.InferOutput<typeof TransactionArguments>): boolean {
  return args.properties?.['completion-mode'] === 'grouped';
}

/** @throws QmpError */
export function findNode(target: QmpTarget, name: string) {
  const node = target.nodes().get(name);
  if (node === undefined) throw new QmpError('GenericError', `Node '${name}' not found`);
  return node;
}

function named(op: 'remove' | 'clear' | 'enable' | 'disable') {
  return v.pipe(
    NamedBitmap,
    v.transform((data) => (target: QmpTarget): QmpAction => {
      return target.nodes().has(data.node) ? { op, ...data } : nodeNotFound(data.node);
    }),
  );
}

function nodeNotFound(node: string): QmpAction {
  return abort(`Node '${node}' not found`);
}

function abort(message: string): QmpAction {
  return { op: 'abort', error: new TidemarkError('CANCELLED', message) };
}
