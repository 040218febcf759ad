import { type BlockDevice, MemoryDevice } from '@tidemark/block';
import { powerCut, RecordingDevice } from '@tidemark/block/testing';
import { DirtyBitmap } from '@tidemark/core';
import { expect, it } from 'vitest';
import { createSidecar, openSidecarStore } from '../src/index.ts';

const drive = { label: 'raw drive', size: 65_536 };

/** The states of its bitmaps, or the code that the sidecar is refused with. */
async function lookAt(sidecar: BlockDevice): Promise<string> {
  try {
    await using store = await openSidecarStore({ drive, sidecar, writable: false });
    return `holds ${(await store.list()).map(({ state }) => state).join()}`;
  } catch (error) {
    return String(Object(error)['code'] ?? error);
  }
}

it('is refused, or sound, wherever the power fails while it is made and first used', async () => {
  const recorder = new RecordingDevice(new MemoryDevice({ size: 0 }));
  await createSidecar(recorder, { diskSize: drive.size, clusterSize: 512 });
  const made = recorder.events.length;
  const store = await openSidecarStore({ drive, sidecar: recorder });
  const content = new DirtyBitmap(drive.size, 512);
  await store.commit([{ op: 'create', name: 'a', enabled: true, content, acquire: true }]);

  const { base, events } = recorder;
  for (let at = 0; at <= events.length; at++) {
    const allowed = at < made ? ['IMAGE_UNRECOGNIZED', 'IMAGE_CORRUPT', 'holds '] : ['holds '];
    if (at > made) allowed.push('holds inconsistent');
    for (const keeps of [() => false, () => true]) {
      const found = await lookAt(await powerCut(base, events.slice(0, at), keeps));
      expect({ at, allowed }).toEqual({ at, allowed: expect.arrayContaining([found]) });
    }
  }
  expect(await lookAt(await powerCut(base, events, () => false))).toBe('holds inconsistent');
});
