import { openFileDevice } from '@tidemark/block';
import { expectHeldFile } from '../../src/locks/held-file.ts';

// Opens a file, with descriptor 3 for one that is held, writes to it if it may, says how that went, and goes on
// until its input ends.
const [path = '', access] = process.argv.slice(2);
const writable = access === 'write';
expectHeldFile(3);
const device = await openFileDevice(path, { writable, waits: true });
if (writable) await device.write(new Uint8Array(1), 0);
console.log('open');
process.stdin.on('end', () => void device.close()).resume();
