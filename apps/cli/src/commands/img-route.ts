import { buildCommand } from '@stricli/core';

/** For the list of commands alone: `main.ts` hands `img` over before this is loaded. */
export const imgRoute = buildCommand({
  docs: { brief: "take qemu-img's command lines; see tidemark img --help" },
  parameters: {},
  async func() {
    const { img } = await import('./img.ts');
    await img(['--help']);
  },
});
