// Loaded before our programs when QEMU's tests run them: they print the names of QEMU's programs then, and all
// else as it is.
'use strict';
const fs = require('node:fs');
const { writeSync } = fs;

const NAMES = [
  [/tidemark img/g, 'qemu-img'],
  [/tidemark nbd/g, 'qemu-nbd'],
  [/^tidemarkd: /gm, 'qemu-storage-daemon: '],
];
const renamed = (text) => NAMES.reduce((all, [from, to]) => all.replace(from, to), text);

fs.writeSync = (fd, data, offset = 0, ...rest) => {
  if (fd !== 2) return writeSync(fd, data, offset, ...rest);
  const given = typeof data === 'string' ? Buffer.from(data) : Buffer.from(data).subarray(offset);
  const bytes = Buffer.from(renamed(given.toString()));
  for (let done = 0; done < bytes.length;) done += writeSync(fd, bytes, done);
  return given.length;
};

const write = process.stderr.write.bind(process.stderr);
process.stderr.write = (data, ...rest) =>
  write(typeof data === 'string' ? renamed(data) : data, ...rest);
