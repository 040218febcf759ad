import type { ExportInfo } from '@tidemark/graph';
import type { QmpNode, QmpRequestCount } from '@tidemark/qmp';

/** What clients have asked of all of these exports, as QEMU sorts it. */
export function countsOf(exports: readonly ExportInfo[]): ReturnType<QmpNode['counts']> {
  const all = exports.flatMap(({ counts }) => counts);
  const sum = (...kinds: readonly string[]): QmpRequestCount => {
    const some = all.filter(({ kind }) => kinds.includes(kind));
    const add = (of: 'requests' | 'bytes' | 'errors') =>
      some.reduce((total, count) => total + count[of], 0);
    return { requests: add('requests'), bytes: add('bytes'), errors: add('errors') };
  };
  return {
    read: sum('read'),
    write: sum('write', 'write_zeroes'),
    flush: sum('flush'),
    unmap: sum('trim'),
  };
}
