import { type Command, command } from '../command.ts';
import { BlockdevBackup, DriveBackup } from './backup-schema.ts';

/** Each is an action of a transaction, too. */
export const backupCommands: Readonly<Record<string, Command>> = {
  'blockdev-backup': command(BlockdevBackup, async ({ target }, options) => {
    await target.transaction([{ op: 'backup', options }]);
    return {};
  }),
  'drive-backup': command(DriveBackup, async ({ target }, options) => {
    await target.transaction([{ op: 'drive-backup', options }]);
    return {};
  }),
};
