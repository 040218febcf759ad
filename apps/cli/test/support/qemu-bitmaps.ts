import { run } from '../../../../tools/qemu.ts';

interface Extent {
  readonly offset: number;
  readonly length: number;
}

/** What QEMU exports as the dirty ranges of a bitmap, read by libnbd. */
export async function qemuDirty(image: string, name: string): Promise<readonly Extent[]> {
  const serve = ['qemu-nbd', '-r', '-f', 'qcow2', '-B', name, image];
  const map = `--map=qemu:dirty-bitmap:${name}`;
  const output = await run('nbdinfo', map, '--json', '--', '[', ...serve, ']');
  const extents: readonly (Extent & { readonly type: number })[] = JSON.parse(output);
  return extents.filter(({ type }) => type === 1).map(({ offset, length }) => ({ offset, length }));
}

interface QemuInfo {
  readonly 'format-specific': { readonly data: { readonly bitmaps?: readonly unknown[] } };
}

/** What QEMU says of an image's bitmaps. */
export async function qemuBitmaps(image: string): Promise<readonly unknown[]> {
  const info: QemuInfo = JSON.parse(await run('qemu-img', 'info', '--output=json', image));
  return info['format-specific'].data.bitmaps ?? [];
}
