import type { Command, CommandContext, RouteMap } from '@stricli/core';

export type Route = Command<CommandContext> | RouteMap<CommandContext>;
export type Routes = Readonly<Record<string, Route>>;

/** The commands of the first level, each loaded when it is asked for. */
const LOADERS: Readonly<Record<string, () => Promise<Route>>> = {
  bitmap: async () => (await import('./commands/bitmap/index.ts')).bitmapRoutes,
  sidecar: async () => (await import('./commands/sidecar/index.ts')).sidecarRoutes,
  image: async () => (await import('./commands/image/index.ts')).imageRoutes,
  info: async () => (await import('./commands/info.ts')).info,
  backup: async () => (await import('./commands/backup.ts')).backup,
  checkpoint: async () => (await import('./commands/checkpoint.ts')).checkpoint,
  restore: async () => (await import('./commands/restore.ts')).restore,
  rescan: async () => (await import('./commands/rescan.ts')).rescan,
  verify: async () => (await import('./commands/verify.ts')).verify,
  history: async () => (await import('./commands/history.ts')).history,
  serve: async () => (await import('./commands/serve.ts')).serve,
  repo: async () => (await import('./commands/repo/index.ts')).repoRoutes,
  img: async () => (await import('./commands/img-route.ts')).imgRoute,
  nbd: async () => (await import('./commands/nbd-route.ts')).nbdRoute,
  ctl: async () => (await import('./commands/ctl/index.ts')).ctlRoutes,
  qmp: async () => (await import('./commands/qmp.ts')).qmp,
  completion: async () => (await import('./commands/completion.ts')).completion,
};

/** What a command line needs: one command where it names one, else all. */
export async function routesFor([first = '']: readonly string[]): Promise<Routes> {
  const loader = Object.hasOwn(LOADERS, first) ? LOADERS[first] : undefined;
  return loader === undefined ? allRoutes() : { [first]: await loader() };
}

/** In the order in which help lists them. */
export async function allRoutes(): Promise<Routes> {
  const loaded = Object.entries(LOADERS).map(async ([name, load]) => [name, await load()] as const);
  return Object.fromEntries(await Promise.all(loaded));
}
