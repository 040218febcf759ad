/**
 * Node ends a process that has nothing to wait for, with exit code 0, even in the midst of `main`:
 * work that was promised and left undone is never to look like success.
 */
export async function toItsEnd(program: string, main: () => Promise<void>): Promise<void> {
  const complain = () => {
    process.stderr.write(
      `${program}: ended before its work was done; this is a fault of ${program}\n`,
    );
    process.exitCode = 1;
  };
  process.once('beforeExit', complain);
  try {
    await main();
  } finally {
    process.removeListener('beforeExit', complain);
  }
  // Nothing is left to do; Node would take down all that it has set up, which takes milliseconds.
  process.once('beforeExit', () => process.exit());
}
