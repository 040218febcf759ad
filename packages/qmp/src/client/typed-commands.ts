import * as v from 'valibot';
import { NbdServerAdd, NbdServerStart } from '../block/export-schema.ts';
import { ExportOptions } from '../block/export-schema.ts';
import type { NodeOptions } from '../block/node-schema.ts';
import type { ExpectArguments, GiveArguments } from '../hand-over-commands.ts';
import type { BlockdevBackup, DriveBackup } from '../jobs/backup-schema.ts';
import type { ViewCloseArguments, ViewHoldArguments, ViewOpenArguments } from '../view-commands.ts';
import {
  QmpAddressReply,
  QmpExportReply,
  QmpHandOverReply,
  QmpJobReply,
  QmpNodeReply,
  QmpVersionReply,
} from './replies.ts';

type In<T extends v.GenericSchema> = v.InferInput<T>;
export type NoArguments = Readonly<Record<string, never>>;
interface Named {
  readonly node: string;
  readonly name: string;
}
interface Id {
  readonly id: string;
}

interface NewBitmap extends Named {
  /** Bytes. */
  readonly granularity?: number;
  readonly persistent?: boolean;
  readonly disabled?: boolean;
}

interface Merge {
  readonly node: string;
  readonly target: string;
  readonly bitmaps: readonly (string | Named)[];
}

type Action<T extends string, D> = { readonly type: T; readonly data: D };

/** One step of `transaction`. */
export type QmpTransactionAction =
  | Action<'block-dirty-bitmap-add', NewBitmap>
  | Action<
      | 'block-dirty-bitmap-remove'
      | 'block-dirty-bitmap-clear'
      | 'block-dirty-bitmap-enable'
      | 'block-dirty-bitmap-disable',
      Named
    >
  | Action<'block-dirty-bitmap-merge', Merge>
  | Action<'blockdev-backup', In<typeof BlockdevBackup>>
  | Action<'drive-backup', In<typeof DriveBackup>>
  | Action<'abort', NoArguments>;

/** What each command takes. */
export interface QmpArguments {
  readonly 'block-dirty-bitmap-add': NewBitmap;
  readonly 'block-dirty-bitmap-remove': Named;
  readonly 'block-dirty-bitmap-clear': Named;
  readonly 'block-dirty-bitmap-enable': Named;
  readonly 'block-dirty-bitmap-disable': Named;
  readonly 'block-dirty-bitmap-merge': Merge;
  readonly 'x-debug-block-dirty-bitmap-sha256': Named;
  readonly transaction: {
    readonly actions: readonly QmpTransactionAction[];
    readonly properties?: { readonly 'completion-mode'?: 'individual' | 'grouped' };
  };
  readonly 'blockdev-add': In<typeof NodeOptions>;
  readonly 'blockdev-del': { readonly 'node-name': string };
  readonly block_resize: { readonly 'node-name': string; readonly size: number };
  readonly 'nbd-server-start': In<typeof NbdServerStart>;
  readonly 'nbd-server-stop': NoArguments;
  readonly 'nbd-server-add': In<typeof NbdServerAdd>;
  readonly 'nbd-server-remove': { readonly name: string; readonly mode?: 'safe' | 'hard' };
  readonly 'block-export-add': In<typeof ExportOptions>;
  readonly 'block-export-del': Id & { readonly mode?: 'safe' | 'hard' };
  readonly 'blockdev-backup': In<typeof BlockdevBackup>;
  readonly 'drive-backup': In<typeof DriveBackup>;
  readonly 'job-pause': Id;
  readonly 'job-resume': Id;
  readonly 'job-cancel': Id;
  readonly 'job-complete': Id;
  readonly 'job-finalize': Id;
  readonly 'job-dismiss': Id;
  readonly 'block-job-set-speed': { readonly device: string; readonly speed: number };
  readonly 'x-tidemark-handover-expect': v.InferOutput<typeof ExpectArguments>;
  readonly 'x-tidemark-handover-start': v.InferOutput<typeof GiveArguments>;
  readonly 'x-tidemark-handover-cancel': { readonly node: string };
  readonly 'x-tidemark-handover-resume': { readonly node: string };
  readonly 'x-tidemark-query-handovers': NoArguments;
  readonly 'query-named-block-nodes': { readonly flat?: boolean };
  readonly 'query-block-exports': NoArguments;
  readonly 'query-jobs': NoArguments;
  readonly 'query-commands': NoArguments;
  readonly 'query-version': NoArguments;
  readonly 'x-tidemark-view-open': In<typeof ViewOpenArguments>;
  readonly 'x-tidemark-view-hold': In<typeof ViewHoldArguments>;
  readonly 'x-tidemark-view-close': In<typeof ViewCloseArguments>;
  readonly 'x-tidemark-reload': NoArguments;
  readonly quit: NoArguments;
}

/** The commands that the client has types of. */
export type QmpCommand = keyof QmpArguments;

/** Of commands that return nothing. */
const nothing = v.looseObject({});

/** What each command returns. */
export const replies = {
  'block-dirty-bitmap-add': nothing,
  'block-dirty-bitmap-remove': nothing,
  'block-dirty-bitmap-clear': nothing,
  'block-dirty-bitmap-enable': nothing,
  'block-dirty-bitmap-disable': nothing,
  'block-dirty-bitmap-merge': nothing,
  'x-debug-block-dirty-bitmap-sha256': v.looseObject({ sha256: v.string() }),
  transaction: nothing,
  'blockdev-add': nothing,
  'blockdev-del': nothing,
  block_resize: nothing,
  'nbd-server-start': nothing,
  'nbd-server-stop': nothing,
  'nbd-server-add': nothing,
  'nbd-server-remove': nothing,
  'block-export-add': nothing,
  'block-export-del': nothing,
  'blockdev-backup': nothing,
  'drive-backup': nothing,
  'job-pause': nothing,
  'job-resume': nothing,
  'job-cancel': nothing,
  'job-complete': nothing,
  'job-finalize': nothing,
  'job-dismiss': nothing,
  'block-job-set-speed': nothing,
  'x-tidemark-handover-expect': v.looseObject({ addr: QmpAddressReply }),
  'x-tidemark-handover-start': nothing,
  'x-tidemark-handover-cancel': nothing,
  'x-tidemark-handover-resume': nothing,
  'x-tidemark-query-handovers': v.array(QmpHandOverReply),
  'query-named-block-nodes': v.array(QmpNodeReply),
  'query-block-exports': v.array(QmpExportReply),
  'query-jobs': v.array(QmpJobReply),
  'query-commands': v.array(v.looseObject({ name: v.string() })),
  'query-version': QmpVersionReply,
  'x-tidemark-view-open': v.looseObject({ id: v.string(), socket: v.string() }),
  'x-tidemark-view-hold': nothing,
  'x-tidemark-view-close': nothing,
  'x-tidemark-reload': nothing,
  quit: nothing,
} as const satisfies Readonly<Record<QmpCommand, v.GenericSchema>>;

/** What a command answers with. */
export type QmpReply<C extends QmpCommand> = v.InferOutput<(typeof replies)[C]>;
