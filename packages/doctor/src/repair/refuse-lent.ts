import { TidemarkError } from '@tidemark/core';
import { CONTROL_EXTENSION, decodeControl, ExtensionHead } from '@tidemark/qcow2/format';
import type { Layout } from '../layout/layout.ts';

/**
 * What was written to a lent drive is told from QEMU's own writes by when QEMU has stored its bitmaps: by
 * the time of the sidecar's last change, which a repair would move.
 * @throws IMAGE_UNSUPPORTED for a sidecar whose drive is lent to QEMU
 */
export function refuseLent(where: string, layout: Layout): void {
  if (!isLent(layout)) return;
  const message = 'the drive of this sidecar is lent to QEMU, and a repair would hide other writes';
  throw new TidemarkError('IMAGE_UNSUPPORTED', message, {
    where,
    hint: "take the drive back first, with 'tidemark sidecar convert DRIVE --to plain'",
  });
}

function isLent({ extensions, cluster }: Layout): boolean {
  return extensions.some(({ type, at, length }) => {
    if (type !== CONTROL_EXTENSION) return false;
    const start = at + ExtensionHead.size;
    const found = decodeControl(cluster.subarray(start, start + length));
    return 'control' in found && found.control.kind === 'sidecar' && found.control.state === 'lent';
  });
}
