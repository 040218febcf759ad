/** The number of the first socket that a process is handed (sd_listen_fds(3)). */
export const FIRST_HANDED_SOCKET = 3;

/**
 * How many listening sockets this process was started with: `LISTEN_FDS`, where `LISTEN_PID` is us
 * (sd_listen_fds(3)). Their numbers begin at `FIRST_HANDED_SOCKET`.
 */
export function countHandedSockets(): number {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '' } = process.env;
  // Or it is meant for somebody who started us without knowing what we make of these variables.
  const isOurs = pid === `${process.pid}` || pid === handedOnBy(process.ppid);
  return isOurs && /^\s*\+?\d{1,9}$/.test(count) ? Number(count) : 0;
}

/** As `countHandedSockets`, once: programs that this one starts are not told. */
export function takeHandedSockets(): number {
  const count = countHandedSockets();
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete process.env[name];
  return count;
}

/** What `spawn` needs so that a child has the sockets in our place. */
export interface HandedOn {
  /** Of the descriptors behind standard error. */
  readonly stdio: readonly number[];
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Hands `count` sockets on to a child. More than one is told to it and not handed over: no program
 * here takes more, and it is the child that says so.
 */
export function handSocketsOn(count: number): HandedOn {
  if (count === 0) return { stdio: [], env: process.env };
  const env = { ...process.env, LISTEN_FDS: `${count}`, LISTEN_PID: handedOnBy(process.pid) };
  return { stdio: count === 1 ? [FIRST_HANDED_SOCKET] : [], env };
}

/** Stands for the number of a child, which nobody knows before it runs. */
function handedOnBy(pid: number): string {
  return `child of ${pid}`;
}
