import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** What a service manager hears. */
export interface NotifySocket extends AsyncDisposable {
  /** The assignments so far, `READY=1` and the like, in order. */
  readonly heard: readonly string[];
  /** Resolves when one of them is or begins so, from the place `from` on. */
  until(assignment: string, from?: number): Promise<void>;
}

// Node binds no datagram sockets of the unix kind.
const LISTEN = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
path = sys.argv[1]
s.bind('\\0' + path[1:] if path.startswith('@') else path)
print('LISTENING', flush=True)
while True:
    for line in s.recv(65536).decode().split('\\n'):
        # Whoever sends it waits until it is read, and is not told more.
        if line and line != 'BARRIER=1': print(line, flush=True)
`;

/** Listens as systemd does, at a path or at an abstract name with `@` before it. */
export async function listenForNotices(path: string): Promise<NotifySocket> {
  const child = spawn('python3', ['-c', LISTEN, path], { stdio: ['ignore', 'pipe', 'inherit'] });
  const heard: string[] = [];
  const waiting = new Set<() => void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    heard.push(line);
    for (const look of waiting) look();
  });
  const until = (assignment: string, from = 0) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (!heard.slice(from).some((line) => line.startsWith(assignment))) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
    });
  await until('LISTENING');
  return {
    heard,
    until,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill();
      await ended;
    },
  };
}
