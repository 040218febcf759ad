import { checkPrefix } from '@tidemark/object-store';
import { TidemarkError } from '@tidemark/core';

/** Where objects are in a store. */
export interface S3Place {
  readonly bucket: string;
  /** Of every key; empty, or ends with `/`. */
  readonly prefix: string;
  /** URL of the server. Default: AWS, or what the environment says. */
  readonly endpoint?: string;
  readonly region?: string;
}

/** `s3://BUCKET/PREFIX?endpoint=URL&region=NAME`. @throws USAGE */
export function parseS3Uri(text: string): S3Place {
  try {
    const url = new URL(text);
    const bucket = url.hostname;
    const path = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
    const prefix = path === '' ? '' : `${path}/`;
    checkPrefix(prefix);
    if (url.protocol !== 's3:' || !/^[a-z0-9][a-z0-9.-]{1,62}$/.test(bucket)) throw new TypeError();
    const endpoint = url.searchParams.get('endpoint');
    const region = url.searchParams.get('region');
    for (const name of url.searchParams.keys()) {
      if (name !== 'endpoint' && name !== 'region') throw new TypeError();
    }
    if (endpoint !== null && !URL.canParse(endpoint)) throw new TypeError();
    return { bucket, prefix, ...(endpoint && { endpoint }), ...(region && { region }) };
  } catch (cause) {
    const hint =
      'write s3://BUCKET/PREFIX?endpoint=URL&region=NAME, with a prefix of a-z, 0-9, . and -';
    throw new TidemarkError('USAGE', `'${text}' is no place in an S3 store`, { hint }, cause);
  }
}
