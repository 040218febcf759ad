/** Where in a page a buffer begins; files and the system's memory of them begin at 0. Bytes. */
const OFFSET = 64;
/** Shorter ones do not begin with a page anyway, and a copy of them takes no time. Bytes. */
const MIN_LENGTH = 64 * 1024;

/**
 * Memory to read a file into, content undefined. It does not begin where a page does: on some
 * processors (AMD EPYC was seen) the system copies at a third of the speed where source and target of
 * a copy begin at one place of a page, which for long reads into memory of their own is the rule.
 */
export function ioBuffer(length: number): Buffer<ArrayBuffer> {
  if (length < MIN_LENGTH) return Buffer.allocUnsafeSlow(length);
  return Buffer.allocUnsafeSlow(length + OFFSET).subarray(OFFSET);
}
