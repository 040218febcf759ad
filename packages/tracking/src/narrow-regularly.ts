/** Milliseconds. */
const NARROW_EVERY = 5000;

/** Has a drive narrow its live bitmaps. Does not keep one in memory that was dropped without a close. */
export function narrowRegularly(drive: { narrow(): Promise<void> }): NodeJS.Timeout {
  const known = new WeakRef(drive);
  const timer = setInterval(() => {
    const found = known.deref();
    if (found === undefined) clearInterval(timer);
    else void found.narrow();
  }, NARROW_EVERY);
  return timer.unref();
}
