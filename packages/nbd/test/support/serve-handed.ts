import { MemoryDevice } from '@tidemark/block';
import { startNbdServer } from '../../src/index.ts';

/** Serves a disk of 4096 bytes on descriptor 3, and prints the address or why it does not. */
const exported = { name: '', device: new MemoryDevice({ size: 4096 }) };
try {
  const { address } = await startNbdServer({
    address: { type: 'descriptor', descriptor: 3 },
    exports: [exported],
    exposed: process.argv[2] === 'exposed',
  });
  process.stdout.write(`${JSON.stringify(address)}\n`);
} catch (error) {
  process.stdout.write(`${error instanceof Error ? error.message : String(error)}\n`);
}
