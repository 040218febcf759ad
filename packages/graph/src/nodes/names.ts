import { refusal } from '../errors.ts';

const MAX_NAME = 31;

/** As QEMU has ids of everything that users name. */
export function isId(text: string): boolean {
  return /^[A-Za-z][A-Za-z0-9._-]*$/.test(text);
}

/** @throws USAGE */
export function checkNodeName(name: string, isTaken: (name: string) => boolean): void {
  if (!isId(name)) throw refusal(`Invalid node-name: '${name}'`);
  if (isTaken(name)) throw refusal(`Duplicate nodes with node-name='${name}'`);
  if (name.length > MAX_NAME) throw refusal('Node name too long');
}
