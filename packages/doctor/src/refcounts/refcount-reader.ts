import { readRefcount } from '@tidemark/qcow2/format';

/** Reads entry `i` of the refcount block in `view`. The usual width has a way of its own. */
export function refcountReader(view: DataView, bits: number): (index: number) => number {
  if (bits === 16) return (index) => view.getUint16(index * 2);
  return (index) => readRefcount(view, index, bits);
}
