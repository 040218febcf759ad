import type { CreateQcow2Options } from '@tidemark/qcow2';
import { ImgFailure, notOffered } from '../failure.ts';
import { formatOf } from '../open/formats.ts';
import type { CreateOptions } from '../text/create-options.ts';
import { tooLarge } from './create-image.ts';
import { tooLargeToMeasure } from './measure-failures.ts';

const MAX_L1_BYTES = 32n * 1024n * 1024n;
const MAX_BACKING_NAME = 1023;

/** qemu-img looks at less, and says it otherwise, where nothing is made. */
type Purpose = 'create' | 'measure';

type Plan = CreateQcow2Options &
  Required<Pick<CreateQcow2Options, 'version' | 'clusterSize' | 'refcountBits'>>;

/** What `createQcow2` is asked for. @throws USAGE, in the order in which qemu-img looks */
export function planQcow2(options: CreateOptions, size: bigint, purpose: Purpose = 'create'): Plan {
  if (options.isOn('encryption') || options.has('encrypt.format')) throw notOffered('Encryption');
  const version = versionOf(options, purpose);
  checkPreallocation(options, purpose);
  checkCompressionType(options);
  const backingFormat = options.get('backing_fmt');
  if (backingFormat !== undefined) {
    const unknown = (format: string) => `Parameter 'backing-fmt' does not accept value '${format}'`;
    formatOf(backingFormat, unknown);
  }
  const roundedSize = (size + 511n) & ~511n;
  if (roundedSize >= 2n ** 63n) {
    throw new ImgFailure('Could not resize image: Image size cannot be negative');
  }
  const clusterSize = clusterSizeOf(options, version);
  checkBacking(options);
  checkDataFile(options, version);
  if (purpose === 'create') checkVersionThree(options, version);
  const refcountBits = refcountBitsOf(options, version);
  const entries = BigInt(clusterSize) / (options.isOn('extended_l2') ? 16n : 8n);
  const l1Entries = -(-roundedSize / (entries * BigInt(clusterSize)));
  if (l1Entries * 8n > MAX_L1_BYTES || roundedSize > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw purpose === 'create' ? tooLarge('qcow2') : tooLargeToMeasure();
  }
  const backing = options.get('backing_file');
  const dataFile = options.get('data_file');
  return {
    size: Number(roundedSize),
    version,
    clusterSize,
    refcountBits,
    extendedL2: options.isOn('extended_l2'),
    lazyRefcounts: options.isOn('lazy_refcounts'),
    preallocation: preallocationOf(options),
    compressionType: options.get('compression_type') === 'zstd' ? 'zstd' : 'zlib',
    ...(dataFile !== undefined && {
      dataFile: { name: dataFile, raw: options.isOn('data_file_raw') },
    }),
    ...(backing !== undefined && { backing: backingOf(backing, backingFormat) }),
  };
}

function versionOf(options: CreateOptions, purpose: Purpose): 2 | 3 {
  const compat = options.get('compat') ?? '1.1';
  if (compat === '1.1' || compat === 'v3') return 3;
  if (compat === '0.10' || compat === 'v2') return 2;
  if (purpose === 'measure') throw new ImgFailure(`Invalid compatibility level: '${compat}'`);
  throw new ImgFailure(`Parameter 'version' does not accept value '${compat}'`);
}

function checkPreallocation(options: CreateOptions, purpose: Purpose): void {
  const mode = options.get('preallocation') ?? 'off';
  if (['off', 'metadata', 'falloc', 'full'].includes(mode)) return;
  if (purpose === 'measure') throw new ImgFailure(`invalid parameter value: ${mode}`);
  throw new ImgFailure(`Parameter 'preallocation' does not accept value '${mode}'`);
}

const MODES = ['off', 'metadata', 'falloc', 'full'] as const;

function preallocationOf(options: CreateOptions) {
  return MODES.find((mode) => mode === options.get('preallocation')) ?? 'off';
}

function checkCompressionType(options: CreateOptions): void {
  const type = options.get('compression_type')!;
  if (type === 'zlib' || type === 'zstd') return;
  throw new ImgFailure(`Parameter 'compression-type' does not accept value '${type}'`);
}

function clusterSizeOf(options: CreateOptions, version: 2 | 3): number {
  const clusterSize = options.size('cluster_size')!;
  const isPower = (clusterSize & (clusterSize - 1n)) === 0n;
  if (!isPower || clusterSize < 512n || clusterSize > 2n ** 21n) {
    throw new ImgFailure('Cluster size must be a power of two between 512 and 2048k');
  }
  if (!options.isOn('extended_l2')) return Number(clusterSize);
  if (version < 3) throw needsVersion('Extended L2 entries are only supported');
  if (clusterSize < 16_384n) {
    throw new ImgFailure(
      'Extended L2 entries are only supported with cluster sizes of at least 16384 bytes',
    );
  }
  return Number(clusterSize);
}

function checkBacking(options: CreateOptions): void {
  const isPreallocated = (options.get('preallocation') ?? 'off') !== 'off';
  if (options.has('backing_file') && isPreallocated && !options.isOn('extended_l2')) {
    throw new ImgFailure(
      'Backing file and preallocation can only be used at the same time if extended_l2 is on',
    );
  }
  if (options.has('backing_fmt') && !options.has('backing_file')) {
    throw new ImgFailure('Backing format cannot be used without backing file');
  }
}

function checkVersionThree(options: CreateOptions, version: 2 | 3): void {
  if (version === 3) return;
  if (options.isOn('lazy_refcounts')) {
    throw new ImgFailure(
      'Lazy refcounts only supported with compatibility level 1.1 and above ' +
        '(use version=v3 or greater)',
    );
  }
  if (options.get('compression_type') !== 'zlib') {
    throw needsVersion('Non-zlib compression type is only supported');
  }
}

function refcountBitsOf(options: CreateOptions, version: 2 | 3): number {
  const bits = options.number('refcount_bits')!;
  if (bits <= 0n || bits > 64n || (bits & (bits - 1n)) !== 0n) {
    throw new ImgFailure('Refcount width must be a power of two and may not exceed 64 bits');
  }
  if (version < 3 && bits !== 16n) {
    throw new ImgFailure(
      'Different refcount widths than 16 bits require compatibility level 1.1 or above ' +
        '(use version=v3 or greater)',
    );
  }
  return Number(bits);
}

function checkDataFile(options: CreateOptions, version: 2 | 3): void {
  const hasDataFile = options.has('data_file');
  if (options.isOn('data_file_raw')) {
    if (!hasDataFile) throw new ImgFailure('data-file-raw requires data-file');
    if (options.has('backing_file')) {
      throw new ImgFailure('Backing file and data-file-raw cannot be used at the same time');
    }
  }
  if (hasDataFile && version < 3) throw needsVersion('External data files are only supported');
}

function needsVersion(what: string): ImgFailure {
  return new ImgFailure(
    `${what} with compatibility level 1.1 and above (use version=v3 or greater)`,
  );
}

function backingOf(name: string, format: string | undefined) {
  const length = Buffer.byteLength(name);
  if (length > MAX_BACKING_NAME) {
    const as = format === undefined ? '' : ` with format '${format}'`;
    throw new ImgFailure(`Could not assign backing file '${name}'${as}: Invalid argument`);
  }
  return { name, ...(format !== undefined && { format }) };
}
