import type { X509Certificate } from 'node:crypto';

/**
 * Whom a certificate is for, as QEMU's allow-lists have it: escaped as RFC 4514 says, but in the order
 * of the certificate, `C=GB,O=Example,CN=client`.
 */
export function distinguishedName({ subject }: X509Certificate): string {
  // Node gives a part a line, and has escaped what is not to be taken for another part already.
  return subject.split('\n').join(',');
}
