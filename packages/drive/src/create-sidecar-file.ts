import { openFileDevice } from '@tidemark/block';
import { createSidecar } from '@tidemark/store-sidecar';
import { makeWhole } from './whole-file.ts';

/**
 * Makes an empty sidecar for a drive of `diskSize` bytes. It appears under its name whole and
 * durable, or not at all. @throws FILE_EXISTS, NO_SPACE, PERMISSION_DENIED
 */
export async function createSidecarFile(path: string, diskSize: number): Promise<void> {
  await makeWhole(path, async (temporary) => {
    const options = { writable: true, create: 'exclusive', lock: false } as const;
    await using device = await openFileDevice(temporary, options);
    await createSidecar(device, { diskSize });
  });
}
