import { ImgFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import type { OpenImageOptions } from '../open/open-image.ts';
import { type ListItem, parseList } from '../text/option-list.ts';

type NamingOptions = Pick<OpenImageOptions, 'isOptions' | 'objects' | 'connectNbd' | 'warn'>;

/** Of QEMU; those that nothing here has a use for are let be. */
const OBJECTS = new Set(
  (
    'secret secret_keyring tls-creds-x509 tls-creds-psk tls-creds-anon tls-cipher-suites authz-simple ' +
    'authz-list authz-listfile authz-pam throttle-group iothread main-loop'
  ).split(' '),
);

/** What `--object` says. @throws USAGE: not one of QEMU's */
export function checkObject(text: string): string {
  const items = parseList(text);
  const [first] = items;
  const type = (first?.value === undefined ? first?.name : items.find(isType)?.value) ?? '';
  if (type === '') throw new ImgFailure("Parameter 'qom-type' is missing");
  if (OBJECTS.has(type)) {
    if (items.some(({ name }) => name === 'id')) return text;
    throw new ImgFailure("Parameter 'id' is missing");
  }
  throw new ImgFailure(`Parameter 'qom-type' does not accept value '${type}'`);
}

const isType = ({ name }: ListItem) => name === 'qom-type';

/** How a command line names images: by file, or by a list of options, with objects beside it. */
export class Naming {
  readonly #host: ImgHost;
  readonly #objects: string[] = [];
  #isOptions = false;

  constructor(host: ImgHost) {
    this.#host = host;
  }

  /** Whether an option of the command line is one of these. */
  take(key: string, value: string): boolean {
    if (key === 'image-opts') this.#isOptions = true;
    else if (key === 'object') this.#objects.push(checkObject(value));
    else return false;
    return true;
  }

  /** Of `openImage`. To be asked when all options are read. */
  get options(): NamingOptions {
    const { err: warn, connectNbd } = this.#host;
    return { warn, connectNbd, objects: this.#objects, isOptions: this.#isOptions };
  }
}
