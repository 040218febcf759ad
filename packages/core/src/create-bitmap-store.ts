import type { BitmapBackend } from './backend.ts';
import { BackendStore } from './store/backend-store.ts';
import type { BitmapStore } from './store.ts';

/**
 * Opens a store on a backend: names, limits, states, order of calls and error codes, for every kind
 * of store alike. The backend belongs to the store from here on, and is closed when this fails.
 */
export async function createBitmapStore(backend: BitmapBackend): Promise<BitmapStore> {
  try {
    return new BackendStore(backend, await backend.readDirectory());
  } catch (error) {
    // Why it could not be opened is what the caller wants to know.
    await backend.close().catch(() => {});
    throw error;
  }
}
