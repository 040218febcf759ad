export { type NbdAddress, type NbdUri, parseNbdUri } from './uri/parse-nbd-uri.ts';
