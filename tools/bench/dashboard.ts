// How smooth the dashboard is, and what it costs the daemon: pnpm bench dashboard [FOLDER]
// FOLDER is where twenty images of 16 TiB are written. docs/performance.md has the last figures.
import { measureHost } from './dashboard/daemon-at-work.ts';
import { measurePage } from './dashboard/page-alone.ts';

const [folder = '/dev/shm'] = process.argv.slice(2);
await measurePage();
await measureHost(folder);
