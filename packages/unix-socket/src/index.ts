export { listenOnPort, type Port } from './listen-on-port.ts';
export { type ListenOptions, listenOnSocket } from './listen-on-socket.ts';
