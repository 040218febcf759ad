import type { CommandContext, StricliProcess } from '@stricli/core';

/** What a command has that says by its exit code what it found. */
export interface ProgramContext extends CommandContext {
  readonly process: StricliProcess;
}
