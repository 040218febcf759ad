import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

/** Beside the program that was built, where its build puts it. */
const FOLDER = fileURLToPath(new URL('dashboard', import.meta.url));

const NOT_BUILT =
  'the dashboard is not part of this program: it was built without apps/dashboard. ' +
  'The API is below /api/v1, and /api/v1/openapi.json describes it.';
const SWITCHED_OFF = 'there is no dashboard here: the configuration says http.dashboard: false';

/** Where its files are, and what is said in their place. */
export function dashboardFiles(isWanted: boolean) {
  if (!isWanted) return { folder: undefined, missing: SWITCHED_OFF };
  if (!existsSync(`${FOLDER}/index.html`)) return { folder: undefined, missing: NOT_BUILT };
  return { folder: FOLDER, missing: 'there is no such page' };
}
