export { hangUp } from './hang-up.ts';
export { hostInHeader, hostInUrl } from './host-in-url.ts';
export { listenAt, type ListenPlace } from './listen-at.ts';
export { type HandedPlace, listenOnHandedSocket } from './listen-on-handed-socket.ts';
export { listenOnPort, type Port } from './listen-on-port.ts';
export { type ListenOptions, listenOnSocket } from './listen-on-socket.ts';
