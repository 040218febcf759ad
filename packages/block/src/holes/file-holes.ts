import { endedEarly } from '../file/file-io.ts';
import type { Tools } from '../helper/tools.ts';
import { fromSystemError } from '../io-error.ts';
import { type HoleMaker, KEEP_SIZE, type Outcome, PUNCH_HOLE, ZERO_RANGE } from './hole-maker.ts';
import type { ByteRange, DataRuns, Holes, ZeroOptions } from './holes.ts';
import { PerlHelper } from './perl-helper.ts';
import { utilLinux } from './util-linux.ts';

export interface FileHolesOptions {
  readonly fd: number;
  /** A path, for messages. */
  readonly where: string;
  readonly kind: 'file' | 'block device';
  readonly tools: Tools;
  /** Told once what cannot be had here, in a sentence. */
  readonly onNotice: (message: string) => void;
}

// The blocks of nearly all file systems and disks; a hole in part of one is zeros, not a hole.
const BLOCK = 4096;

/** What may turn out not to work here. */
type Power = 'see' | 'punch' | 'zero' | 'discard';

const WITHOUT: Readonly<Record<Power, string>> = {
  see: 'its holes are not known, and all of it counts as data',
  punch: 'zeros do not give space back',
  zero: 'zeros are written out',
  discard: 'discarding does not give space back',
};

/** Holes of a file of the system. The helper starts when it is first needed. */
export class FileHoles implements Holes {
  readonly #options: FileHolesOptions;
  #known: Set<Power> | undefined;
  #spawning: HoleMaker | undefined;
  #perl: PerlHelper | undefined;

  constructor(options: FileHolesOptions) {
    this.#options = options;
  }

  get canDiscard(): boolean {
    return !this.#missing.has('discard');
  }

  /** The programs are looked for when a hole is asked for: most files are opened for less. */
  get #missing(): Set<Power> {
    this.#known ??= this.#lookForTools();
    return this.#known;
  }

  #lookForTools(): Set<Power> {
    const missing = new Set<Power>();
    const { fd, kind, tools } = this.#options;
    const isPerlEnough = tools.perl !== undefined && PerlHelper.makesHoles;
    if (!isPerlEnough) this.#spawning = utilLinux(fd, tools);
    const discards = kind === 'file' ? tools.fallocate : tools.blkdiscard;
    if (!isPerlEnough && discards === undefined) missing.add('discard');
    // Linux knows no holes of block devices, which is nothing to tell anybody.
    if (kind === 'block device') missing.add('see');
    return missing;
  }

  async dataRuns(start: number, end: number): Promise<DataRuns | undefined> {
    if (this.#missing.has('see')) return undefined;
    const answer = (await this.#startPerl()?.dataRuns(start, end)) ?? 'unsupported';
    if (answer === 'short') throw endedEarly(this.#options.where, end);
    if (answer instanceof Error) throw fromSystemError(answer, this.#options.where);
    if (answer !== 'unsupported') return answer;
    this.#lose('see');
    return undefined;
  }

  async zero(range: ByteRange, { unmap }: ZeroOptions): Promise<ByteRange> {
    // In a file the system zeros parts of blocks too; of a device it takes whole ones only.
    const whole = this.#options.kind === 'file' ? range : wholeBlocks(range);
    if (whole.length === 0) return whole;
    if (unmap && (await this.#fallocate('punch', PUNCH_HOLE, whole))) return whole;
    if (await this.#fallocate('zero', ZERO_RANGE, whole)) return whole;
    return { offset: range.offset, length: 0 };
  }

  async discard(range: ByteRange): Promise<void> {
    const whole = wholeBlocks(range);
    if (whole.length === 0) return;
    if (this.#options.kind === 'file') await this.#fallocate('discard', PUNCH_HOLE, whole);
    else await this.#try('discard', (maker) => maker.discard(whole.offset, whole.length));
  }

  async close(): Promise<void> {
    await this.#perl?.close();
  }

  #fallocate(power: Power, mode: number, { offset, length }: ByteRange): Promise<boolean> {
    return this.#try(power, (maker) => maker.fallocate(mode | KEEP_SIZE, offset, length));
  }

  async #try(power: Power, act: (maker: HoleMaker) => Promise<Outcome>): Promise<boolean> {
    if (this.#missing.has(power)) return false;
    const maker = this.#spawning ?? this.#startPerl();
    const outcome = maker === undefined ? 'unsupported' : await act(maker);
    if (outcome instanceof Error) throw fromSystemError(outcome, this.#options.where);
    if (outcome === 'unsupported') this.#lose(power);
    return outcome === 'done';
  }

  #startPerl(): PerlHelper | undefined {
    const { fd, tools } = this.#options;
    if (tools.perl !== undefined) this.#perl ??= new PerlHelper(tools.perl, fd);
    return this.#perl;
  }

  #lose(power: Power): void {
    if (this.#missing.has(power)) return;
    this.#missing.add(power);
    this.#options.onNotice(`'${this.#options.where}': ${WITHOUT[power]} (${this.#reason(power)})`);
  }

  #reason(power: Power): string {
    const { perl, fallocate } = this.#options.tools;
    if (this.#perl?.isGone) return 'the helper process ended';
    if (perl === undefined && power === 'see') return 'perl is not installed';
    if (perl === undefined && fallocate === undefined) {
      return 'neither perl nor fallocate of util-linux is installed';
    }
    return 'it is kept where that cannot be done';
  }
}

/** The whole blocks inside a range. */
function wholeBlocks({ offset, length }: ByteRange): ByteRange {
  const start = Math.ceil(offset / BLOCK) * BLOCK;
  const end = Math.floor((offset + length) / BLOCK) * BLOCK;
  return { offset: Math.min(start, offset + length), length: Math.max(0, end - start) };
}
