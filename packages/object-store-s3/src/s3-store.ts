import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import { TidemarkError } from '@tidemark/core';
import {
  checkKey,
  checkPrefix,
  NumberedReferences,
  type ObjectRange,
  type ObjectStore,
  type StoredObject,
} from '@tidemark/object-store';
import { putInParts } from './multipart.ts';
import { answerIn, isBusy, isMissing, isThere, s3Error } from './s3-errors.ts';
import { parseS3Uri, type S3Place } from './s3-uri.ts';

/** Larger objects go in parts. Bytes. */
const SINGLE_PUT = 16 * 1024 * 1024;
const MAX_ATTEMPTS = 5;

/**
 * Objects in a bucket, put with `If-None-Match: *`. Nothing is ever written over, references neither,
 * and removing an object needs no version. So it works in a bucket with Object Lock, where what was
 * removed stays as long as the lock says, and with stores that do not know `If-Match`.
 */
export class S3ObjectStore extends NumberedReferences implements ObjectStore {
  readonly label: string;
  readonly #client: S3Client;
  readonly #place: S3Place;
  #isClosed = false;

  /** The client is closed with the store. */
  constructor(client: S3Client, place: S3Place) {
    super();
    this.#client = client;
    this.#place = place;
    this.label = `bucket '${place.bucket}'${place.prefix === '' ? '' : `, '${place.prefix}'`}`;
  }

  async get(key: string, range?: ObjectRange): Promise<Uint8Array> {
    const about = this.#about(key);
    if (range?.length === 0) return new Uint8Array(0);
    const end = range === undefined ? 0 : range.offset + range.length;
    const Range = range === undefined ? undefined : `bytes=${range.offset}-${end - 1}`;
    try {
      const { Body } = await this.#client.send(new GetObjectCommand({ ...about, Range }));
      const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array(0);
      if (range !== undefined && bytes.length !== range.length) throw this.#tooShort(key, end);
      return bytes;
    } catch (error) {
      if (isMissing(error)) throw this.#notFound(key, error);
      if (answerIn(error).status === 416) throw this.#tooShort(key, end);
      throw s3Error(error, `reading '${key}' in ${this.label}`);
    }
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    const about = this.#about(key);
    for (let attempt = 1; ; attempt++) {
      try {
        if (bytes.length > SINGLE_PUT) await putInParts(this.#client, about, bytes);
        else
          await this.#client.send(
            new PutObjectCommand({ ...about, Body: bytes, IfNoneMatch: '*' }),
          );
        return true;
      } catch (error) {
        if (isThere(error)) return false;
        // Of two that come at once a server may refuse both, and then there is none.
        if (isBusy(error) && attempt < MAX_ATTEMPTS) continue;
        throw s3Error(error, `storing '${key}' in ${this.label}`);
      }
    }
  }

  async *list(prefix: string): AsyncGenerator<StoredObject> {
    checkPrefix(prefix);
    this.#assertOpen();
    const { bucket, prefix: own } = this.#place;
    const about = { Bucket: bucket, Prefix: own + prefix };
    let ContinuationToken: string | undefined;
    do {
      const page = await this.#list({ ...about, ContinuationToken });
      for (const { Key = '', Size = 0, LastModified } of page.Contents ?? []) {
        yield { key: Key.slice(own.length), size: Size, stored: LastModified?.getTime() ?? 0 };
      }
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
  }

  async #list(input: { Bucket: string; Prefix: string; ContinuationToken: string | undefined }) {
    try {
      return await this.#client.send(new ListObjectsV2Command(input));
    } catch (error) {
      throw s3Error(error, `listing ${this.label}`);
    }
  }

  async delete(key: string): Promise<void> {
    const about = this.#about(key);
    try {
      await this.#client.send(new DeleteObjectCommand(about));
    } catch (error) {
      if (!isMissing(error)) throw s3Error(error, `removing '${key}' in ${this.label}`);
    }
  }

  async close(): Promise<void> {
    if (!this.#isClosed) this.#client.destroy();
    this.#isClosed = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  #about(key: string): { readonly Bucket: string; readonly Key: string } {
    checkKey(key);
    this.#assertOpen();
    return { Bucket: this.#place.bucket, Key: this.#place.prefix + key };
  }

  #assertOpen(): void {
    if (!this.#isClosed) return;
    throw new TidemarkError('STORE_CLOSED', `${this.label} is closed`, { where: this.label });
  }

  #notFound(key: string, cause: unknown): TidemarkError {
    const text = `there is no object '${key}' in ${this.label}`;
    return new TidemarkError('FILE_NOT_FOUND', text, { where: this.label }, cause);
  }

  #tooShort(key: string, end: number): TidemarkError {
    const text = `object '${key}' in ${this.label} ends before byte ${end}`;
    return new TidemarkError('BACKUP_CORRUPT', text, { where: this.label, offset: end });
  }
}

/**
 * Opens a place by its URI; credentials, and what the URI leaves out, are found as AWS's own tools
 * find them. @throws USAGE
 */
export function openS3Store(uri: string): S3ObjectStore {
  const place = parseS3Uri(uri);
  const { endpoint, region } = place;
  const ownRegion = region ?? (process.env['AWS_REGION'] === undefined ? 'us-east-1' : undefined);
  const client = new S3Client({
    maxAttempts: MAX_ATTEMPTS,
    ...(ownRegion !== undefined && { region: ownRegion }),
    // Servers other than AWS seldom have a name for each bucket.
    ...(endpoint !== undefined && { endpoint, forcePathStyle: true }),
  });
  return new S3ObjectStore(client, place);
}
