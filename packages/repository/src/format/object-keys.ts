/** docs/repository-format.md, "Objects". `id` is lower-case hex. */
export const CONFIG_KEY = 'config';
export const KEYS_PREFIX = 'keys/';
export const PACKS_PREFIX = 'packs/';
export const INDEX_PREFIX = 'index/';
export const POINTS_PREFIX = 'points/';
export const TRIES_PREFIX = 'tries/';
export const ROOT_REFERENCE = 'refs/root';

export const packKey = (id: string): string => `${PACKS_PREFIX}${id.slice(0, 2)}/${id}`;
export const indexKey = (id: string): string => `${INDEX_PREFIX}${id}`;
export const pointKey = (id: string): string => `${POINTS_PREFIX}${id}`;

/** Of the records of one try of one drive. `drive`: a digest of its id. */
export const triesPrefix = (checkpoint: string, drive: string): string =>
  `${TRIES_PREFIX}${checkpoint}/${drive}/`;

/** The id at the end of a key; undefined: somebody else's object. */
export function idInKey(key: string): string | undefined {
  return /(?:^|\/)([0-9a-f]{64})$/.exec(key)?.[1];
}
