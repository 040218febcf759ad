export { listenFailed, listenOnSocket } from './listen-on-socket.ts';
