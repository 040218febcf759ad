import { describe, expect, it } from 'vitest';
import { parseS3Uri } from '../src/index.ts';

describe('the URI of a place', () => {
  it('has a bucket, a prefix, and where the server is', () => {
    expect(parseS3Uri('s3://backups')).toEqual({ bucket: 'backups', prefix: '' });
    expect(parseS3Uri('s3://backups/site/a/')).toEqual({ bucket: 'backups', prefix: 'site/a/' });
    expect(parseS3Uri('s3://b-1/x?endpoint=http://localhost:18000&region=eu')).toEqual({
      bucket: 'b-1',
      prefix: 'x/',
      endpoint: 'http://localhost:18000',
      region: 'eu',
    });
  });

  it.each([
    's3://',
    's3://a',
    'http://backups',
    's3://backups/../x/.y',
    's3://backups?other=1',
    's3://backups?endpoint=x',
    's3:',
  ])('is refused as %s', (text) => {
    expect(() => parseS3Uri(text)).toThrow(expect.objectContaining({ code: 'USAGE' }));
  });
});
