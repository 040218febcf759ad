import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { TidemarkError } from '@tidemark/core';

/** Before anybody connects. @throws USAGE: not PEM, or a key of another certificate */
export function checkTlsOptions(options: SecureContextOptions, dir: string): void {
  try {
    createSecureContext(options);
  } catch (error) {
    throw new TidemarkError(
      'USAGE',
      `the TLS credentials in '${dir}' cannot be used`,
      { where: dir, hint: "check that its files are PEM and that the key is the certificate's" },
      error,
    );
  }
}
