export { listenFailed, type ListenOptions, listenOnSocket } from './listen-on-socket.ts';
