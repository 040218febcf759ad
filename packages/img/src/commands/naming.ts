import { ImgFailure } from '../failure.ts';
import type { ImgHost } from '../host.ts';
import type { OpenImageOptions } from '../open/open-image.ts';
import { type ListItem, parseList } from '../text/option-list.ts';

type NamingOptions = Pick<OpenImageOptions, 'isOptions' | 'objects' | 'connectNbd' | 'warn'>;

/** Of QEMU; those that nothing here has a use for are let be. */
const OBJECTS = new Set(
  (
    'secret secret_keyring tls-creds-x509 tls-creds-psk tls-creds-anon tls-cipher-suites authz-simple ' +
    'authz-list authz-listfile authz-pam throttle-group main-loop'
  ).split(' '),
);

/** Of QEMU's emulator alone. */
const ELSEWHERE = new Set(['iothread', 'can-bus', 'rng-builtin']);

/** What `--object` says. @throws USAGE: not one of QEMU's */
export function checkObject(text: string, exitCode = 1): string {
  const refuse = (message: string) => new ImgFailure(message, { exitCode });
  const items = parseList(text);
  const [first] = items;
  const type = (first?.value === undefined ? first?.name : items.find(isType)?.value) ?? '';
  if (type === '') throw refuse("Parameter 'qom-type' is missing");
  if (OBJECTS.has(type)) {
    if (items.some(({ name }) => name === 'id')) return text;
    throw refuse("Parameter 'id' is missing");
  }
  if (ELSEWHERE.has(type)) throw refuse(`invalid object type: ${type}`);
  throw refuse(`Parameter 'qom-type' does not accept value '${type}'`);
}

const isType = ({ name }: ListItem) => name === 'qom-type';

/** How a command line names images: by file, or by a list of options, with objects beside it. */
export class Naming {
  readonly #host: ImgHost;
  /** Of a failure. */
  readonly #exitCode: number;
  readonly #objects: string[] = [];
  readonly #ids = new Set<string>();
  #isOptions = false;

  constructor(host: ImgHost, exitCode = 1) {
    this.#host = host;
    this.#exitCode = exitCode;
  }

  /** Whether an option of the command line is one of these. */
  take(key: string, value: string): boolean {
    if (key === 'image-opts') this.#isOptions = true;
    else if (key === 'object') this.#addObject(checkObject(value, this.#exitCode));
    else return false;
    return true;
  }

  #addObject(text: string): void {
    const id = parseList(text).find(({ name }) => name === 'id')?.value ?? '';
    if (this.#ids.has(id)) {
      const message = `attempt to add duplicate property '${id}' to object (type 'container')`;
      throw new ImgFailure(message, { exitCode: this.#exitCode });
    }
    this.#ids.add(id);
    this.#objects.push(text);
  }

  /** Of `openImage`. To be asked when all options are read. */
  get options(): NamingOptions {
    const { err: warn, connectNbd } = this.#host;
    return { warn, connectNbd, objects: this.#objects, isOptions: this.#isOptions };
  }
}
