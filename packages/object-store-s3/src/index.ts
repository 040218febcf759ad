export { openS3Store, S3ObjectStore } from './s3-store.ts';
export { parseS3Uri, type S3Place } from './s3-uri.ts';
