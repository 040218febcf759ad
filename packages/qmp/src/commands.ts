import * as v from 'valibot';
import {
  bitmapActions,
  findNode,
  isGrouped,
  TransactionArguments,
  transactionActions,
} from './bitmap-actions.ts';
import { ResizeArguments, resizeBlock } from './block/block-resize.ts';
import { describeNode } from './block/block-info.ts';
import { queryBlockStats } from './block/block-stats.ts';
import { exportCommands } from './block/export-commands.ts';
import { nodeCommands } from './block/node-commands.ts';
import { type Command, command } from './command.ts';
import { backupCommands } from './jobs/backup-commands.ts';
import { handOverCommands } from './hand-over-commands.ts';
import { jobCommands } from './jobs/job-commands.ts';
import { beginRescan, describeRescan, rescanArguments } from './rescan-commands.ts';
import { beginFreeze, endFreeze, freezeArguments, releaseArguments } from './freeze-commands.ts';
import { QmpError } from './errors.ts';
import { members } from './schema.ts';
import {
  closeView,
  holdView,
  openView,
  ViewCloseArguments,
  ViewHoldArguments,
  ViewOpenArguments,
} from './view-commands.ts';

const none = members({});
const bitmap = members({ node: v.string(), name: v.string() });

const ExportBitmapsArguments = members({
  node: v.string(),
  bitmaps: v.array(v.string()),
  filename: v.string(),
});

/** All commands but `qmp_capabilities` and `quit`, which belong to the session. */
export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ...Object.entries(bitmapActions).map(([name, schema]): [string, Command] => [
    name,
    command(schema, async ({ target }, actionOn) => {
      await target.transaction([actionOn(target)]);
      return {};
    }),
  ]),
  ...Object.entries({ ...nodeCommands, ...exportCommands, ...backupCommands, ...jobCommands }),
  ...Object.entries(handOverCommands),
  [
    'transaction',
    command(TransactionArguments, async ({ target }, args) => {
      await target.transaction(transactionActions(target, args), { grouped: isGrouped(args) });
      return {};
    }),
  ],
  [
    'x-debug-block-dirty-bitmap-sha256',
    command(bitmap, async ({ target }, { node, name }) => ({
      sha256: await findNode(target, node).sha256(name),
    })),
  ],
  [
    'x-tidemark-bitmap-freeze',
    command(freezeArguments, ({ target }, args) => beginFreeze(target, args)),
  ],
  [
    'x-tidemark-bitmap-release',
    command(releaseArguments, ({ target }, args) => endFreeze(target, args)),
  ],
  [
    'x-tidemark-bitmap-export',
    command(ExportBitmapsArguments, async ({ target }, { node, bitmaps, filename }) => {
      await findNode(target, node).exportBitmaps(bitmaps, filename);
      return {};
    }),
  ],
  [
    'x-tidemark-view-open',
    command(ViewOpenArguments, ({ target, client }, args) => openView(target, client, args)),
  ],
  [
    'x-tidemark-view-hold',
    command(ViewHoldArguments, ({ target }, args) => holdView(target, args)),
  ],
  [
    'x-tidemark-view-close',
    command(ViewCloseArguments, ({ target }, args) => closeView(target, args)),
  ],
  ['x-tidemark-rescan', command(rescanArguments, ({ target }, args) => beginRescan(target, args))],
  [
    'x-tidemark-query-rescans',
    command(none, ({ target }) => target.rescans.list().map(describeRescan)),
  ],
  [
    'x-tidemark-cancel-rescan',
    command(bitmap, ({ target }, args) => {
      findNode(target, args.node);
      target.rescans.cancel(args);
      return {};
    }),
  ],
  [
    'block_resize',
    command(ResizeArguments, async ({ target }, args) => {
      await resizeBlock(target, args);
      return {};
    }),
  ],
  [
    'x-tidemark-reload',
    command(none, async ({ target }) => {
      if (target.reload === undefined) throw noConfiguration();
      await target.reload();
      return {};
    }),
  ],
  ['query-blockstats', queryBlockStats],
  ['query-block', command(none, () => [])],
  [
    'query-named-block-nodes',
    command(members({ flat: v.exactOptional(v.boolean()) }), async ({ target }) =>
      Promise.all([...target.nodes().values()].toReversed().map(describeNode)),
    ),
  ],
  ['query-version', command(none, ({ version }) => ({ ...version }))],
  ['query-commands', command(none, () => allCommands().map((name) => ({ name })))],
]);

function noConfiguration(): QmpError {
  return new QmpError('GenericError', 'There is no configuration file to read again');
}

function allCommands(): readonly string[] {
  return [...commands.keys(), 'qmp_capabilities', 'quit'];
}
