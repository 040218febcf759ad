import { buildCommand } from '@stricli/core';

/** For the list of commands alone: `main.ts` hands `nbd` over before this is loaded. */
export const nbdRoute = buildCommand({
  docs: { brief: "take qemu-nbd's command lines; see tidemark nbd --help" },
  parameters: {},
  async func() {
    const { nbd } = await import('./nbd.ts');
    await nbd(['--help']);
  },
});
