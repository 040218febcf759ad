// pnpm bench [NAME] [WORDS...]: what things cost. Each has figures in docs/performance.md.
const BENCHES: Readonly<Record<string, () => Promise<unknown>>> = {
  tracking: () => import('./tracking.ts'),
  open: () => import('./open-after-kill.ts'),
  img: () => import('./img.ts'),
  backup: () => import('./backup.ts'),
  nbd: () => import('./nbd.ts'),
  dashboard: () => import('./dashboard.ts'),
  bitmap: () => import('./bitmap.ts'),
};

const [name = 'tracking'] = process.argv.splice(2, 1);
// As `tidemark backup` has it; read when the first thread is needed.
if (name === 'backup') process.env['UV_THREADPOOL_SIZE'] ??= '16';
const load = Object.hasOwn(BENCHES, name) ? BENCHES[name] : undefined;
if (load === undefined) {
  console.error(`there is no bench '${name}': ${Object.keys(BENCHES).join(', ')}`);
  process.exitCode = 2;
} else {
  // Each is a script of its own, which looks at the words that are left.
  await load();
}
