import * as v from 'valibot';
import { choice, int64, members } from '../schema.ts';

const flag = v.exactOptional(v.boolean());
const OnError = choice(['report', 'ignore', 'enospc', 'stop', 'auto']);

// qapi/block-core.json, "BackupCommon".
const common = {
  'job-id': v.exactOptional(v.string()),
  device: v.string(),
  sync: choice(['top', 'full', 'none', 'incremental', 'bitmap']),
  speed: v.exactOptional(int64),
  bitmap: v.exactOptional(v.string()),
  'bitmap-mode': v.exactOptional(choice(['on-success', 'never', 'always'])),
  compress: flag,
  'on-source-error': v.exactOptional(OnError),
  'on-target-error': v.exactOptional(OnError),
  'auto-finalize': flag,
  'auto-dismiss': flag,
  'filter-node-name': v.exactOptional(v.string()),
  'x-perf': v.exactOptional(
    members({
      'use-copy-range': flag,
      'max-workers': v.exactOptional(int64),
      'max-chunk': v.exactOptional(int64),
    }),
  ),
};

export const BlockdevBackup = members({ ...common, target: v.string() });

export const DriveBackup = members({
  ...common,
  target: v.string(),
  format: v.exactOptional(v.string()),
  mode: v.exactOptional(choice(['existing', 'absolute-paths'])),
});
