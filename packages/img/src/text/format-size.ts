const UNITS = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];

/** Bytes for people, as QEMU writes them: three digits, and the next unit from 1000 on. */
export function formatImgSize(bytes: number): string {
  // From 1000 of a unit on it is less than 1 of the next one.
  const unit = bytes < 1000 ? 0 : Math.floor(Math.log2((bytes * 1024) / 1000) / 10);
  const value = bytes / 1024 ** unit;
  return `${Number(value.toPrecision(3))} ${UNITS[unit]}B`;
}
